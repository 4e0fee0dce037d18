import { afterAll, beforeAll, expect, test } from "vitest";
import { anonymousActor, systemActor } from "#platform";
import { createSharingFixture, type SharingFixture } from "./testing/sharing-fixture.ts";

let city: SharingFixture;
let entryId: string;
const bases = systemActor("base-databases");
beforeAll(async () => {
  city = await createSharingFixture();
  entryId = await city.entry();
  const id = await city.sentRequest(entryId);
  await sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree" });
});
afterAll(() => city.drop());
const sharing = () => city.catalog.sharing;
const doubt = (rowKey: string, field = "died_on") => ({ entryId, field, rowKey, givenValue: "2020-01-01", expectedValue: "2021-01-01", evidence: "与医院死亡证明不一致,来源日期 2026-11-20" });

test("a user of the data raises a doubt and its provider answers within ten working days", async () => {
  const raised = await sharing().corrections.raise(city.people.clerk, doubt("330102187502289017"));
  expect(await sharing().corrections.get(city.people.provider, raised.id)).toMatchObject({ valuesVisible: true, correction: { state: "raised", givenValue: "2020-01-01" }, deadline: { clock: "correct", dueOn: "2026-12-07", state: "open" }, actions: ["answer"] });
  expect(await sharing().tasks.mine(city.people.provider, 10)).toContainEqual(expect.objectContaining({ kind: "correction", correction: expect.objectContaining({ id: raised.id }) }));
  const answered = await sharing().corrections.answer(city.people.provider, raised.id, { answer: "verified-corrected", text: "已更正" });
  expect(answered).toMatchObject({ state: "verified-corrected", answer: "已更正" });
  expect((await sharing().corrections.get(city.people.clerk, raised.id)).deadline).toMatchObject({ state: "met" });
  await expect(sharing().corrections.answer(city.people.provider, raised.id, { answer: "rejected", text: "重复" })).rejects.toMatchObject({ kind: "Conflict" });
});

test("the same open doubt again is the one that is there", async () => {
  const first = await sharing().corrections.raise(city.people.clerk, doubt("330106188002299024"));
  expect((await sharing().corrections.raise(city.people.head, doubt("330106188002299024"))).id).toBe(first.id);
  expect((await city.eventsOf(first.id)).map((event) => event.kind)).toEqual(["correction.raised"]);
});

test("personal values reach neither events nor audit, and only the two departments see them", async () => {
  const raised = await sharing().corrections.raise(city.people.clerk, doubt("33010918761231904X"));
  const { rows } = await city.db.database.read((reader) => reader.query<{ text: string }>("select payload::text as text from platform.event_log union all select detail::text from platform.audit_log"));
  expect(rows.some((row) => row.text.includes("33010918761231904X") || row.text.includes("2021-01-01"))).toBe(false);
  const auditor = await sharing().corrections.get(city.people.auditor, raised.id);
  expect(auditor.valuesVisible).toBe(false);
  expect(JSON.stringify(auditor)).not.toMatch(/33010918761231904X|2021-01-01/);
  await expect(sharing().corrections.get(city.people.stranger, raised.id)).rejects.toMatchObject({ kind: "NotFound" });
});

test("who holds no grant of the field cannot doubt its values", async () => {
  await expect(sharing().corrections.raise(city.people.stranger, doubt("1"))).rejects.toMatchObject({ code: "correction.no-grant" });
  await expect(sharing().corrections.raise(city.people.clerk, doubt("1", "amount"))).rejects.toMatchObject({ code: "correction.no-grant" });
  await expect(sharing().corrections.raise(anonymousActor, doubt("1"))).rejects.toMatchObject({ kind: "NotAllowed" });
});

test("base databases raise many at once, again without doubling them, and close them when the source is corrected", async () => {
  const inputs = ["a", "b", "c"].map((key) => doubt(key));
  expect(await sharing().corrections.raiseMany(bases, inputs)).toMatchObject({ raised: 3 });
  expect(await sharing().corrections.raiseMany(bases, inputs)).toMatchObject({ raised: 0 });
  await sharing().corrections.raise(city.people.clerk, doubt("a"));
  expect(await sharing().corrections.closeAsCorrected(bases, [{ entryId, field: "died_on", rowKey: "a" }, { entryId, field: "name", rowKey: "b" }])).toBe(2);
  const page = await sharing().corrections.list(city.people.provider, { states: ["closed-as-corrected"] }, { first: 10 });
  expect(page.rows.map((view) => view.correction.rowKey)).toEqual(["a", "a"]);
  expect(page.rows[0]!.deadline).toMatchObject({ state: "met" });
  await expect(sharing().corrections.closeAsCorrected(city.people.clerk, [])).rejects.toMatchObject({ kind: "NotAllowed" });
});

test("lists show exactly what the detail shows", async () => {
  const { rows } = await city.db.database.read((reader) => reader.query<{ id: string }>("select id from catalog.correction"));
  for (const actor of [city.people.clerk, city.people.provider, city.people.providerNode, city.people.auditor, city.people.city, city.people.stranger, city.people.offices.secrecy]) {
    const listed = (await sharing().corrections.list(actor, {}, { first: 200 })).rows.map((view) => view.correction.id).sort();
    const seen: string[] = [];
    for (const { id } of rows) await sharing().corrections.get(actor, id).then(() => seen.push(id), () => undefined);
    expect(listed).toEqual(seen.sort());
  }
});
