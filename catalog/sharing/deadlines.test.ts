import { afterAll, beforeAll, expect, test } from "vitest";
import { createSharingFixture, type SharingFixture } from "./testing/sharing-fixture.ts";

let city: SharingFixture;
beforeAll(async () => void (city = await createSharingFixture()));
afterAll(() => city.drop());
/** The tests share the city and its clock, which only moves forward, as its calendar does. */
const sharing = () => city.catalog.sharing;
const escalations = async (id: string) => (await city.eventsOf(id)).filter((event) => event.kind.endsWith(".escalated")).map((event) => event.payload["level"]);

/** Invented for the test: the form of the notice, not the State Council's. */
const notice2027 = { year: 2027, papers: ["https://example.org/2027"], days: [{ name: "元旦", date: "2027-01-01", isOffDay: true }, { name: "元旦", date: "2027-01-03", isOffDay: false }] };

test("a warning with a fifth of the time left, then overdue to the city data office, each once", async () => {
  const id = await city.sentRequest(await city.entry());
  city.clock.set("2026-12-02T01:00:00Z");
  expect(await sharing().work()).toMatchObject({ escalated: 0 });
  city.clock.set("2026-12-03T01:00:00Z");
  expect(await sharing().work()).toMatchObject({ escalated: 1 });
  expect(await sharing().work()).toMatchObject({ escalated: 0 });
  city.clock.set("2026-12-07T15:00:00Z");
  expect(await sharing().work()).toMatchObject({ escalated: 0 });
  city.clock.set("2026-12-07T17:00:00Z");
  await sharing().work();
  await sharing().work();
  expect(await escalations(id)).toEqual(["warning", "overdue"]);
  expect(await sharing().requests.get(city.people.city, id)).toMatchObject({ overdue: true, waitingFor: ["provider", "city"] });
  expect(await sharing().tasks.mine(city.people.city, 10)).toMatchObject([{ kind: "request", parties: ["city"] }]);
  await expect(sharing().reviews.askExtension(city.people.provider, id, { days: 3, reason: "来不及" })).rejects.toMatchObject({ code: "request.extension-late" });
  const agreed = await sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree" });
  expect(agreed).toMatchObject({ overdue: false, waitingFor: ["provider"] });
  expect((await sharing().requests.detail(city.people.city, id)).deadlines[0]).toMatchObject({ state: "missed", closedOn: "2026-12-08" });
});

test("a request late in 2026 goes through although 2027 has no notice yet, and its day is computed when the notice comes", async () => {
  city.clock.set("2026-12-23T01:00:00Z");
  const id = await city.sentRequest(await city.entry());
  const before = (await sharing().requests.detail(city.people.clerk, id)).deadlines[0]!;
  expect(before).toMatchObject({ state: "open", missingYear: 2027, notBefore: "2027-01-02" });
  expect(before.dueOn).toBeUndefined();
  await sharing().work();
  await sharing().work();
  expect(await escalations(id)).toEqual(["calendar-missing"]);

  await expect(sharing().calendar.importNotice(city.people.provider, notice2027)).rejects.toMatchObject({ kind: "NotAllowed" });
  await expect(sharing().calendar.importNotice(city.people.city, { year: 2027, days: [] })).rejects.toMatchObject({ kind: "Input" });
  const { recomputed } = await sharing().calendar.importNotice(city.people.city, notice2027);
  expect(recomputed).toBeGreaterThan(0);
  const after = (await sharing().requests.detail(city.people.clerk, id)).deadlines[0]!;
  // 24, 25, 28-31 December, Sunday 3 January worked, 4-6 January.
  expect(after).toMatchObject({ dueOn: "2027-01-06", warnOn: "2027-01-04" });
  expect(after.missingYear).toBeUndefined();
  expect(after.explanation.zh).toContain("元旦");
  expect(await sharing().calendar.knownYears(city.people.clerk)).toContain(2027);
});

test("a corrected notice moves open deadlines and leaves closed ones as they were", async () => {
  const open = await city.sentRequest(await city.entry());
  const closed = await city.sentRequest(await city.entry());
  await sharing().requests.withdraw(city.people.clerk, closed, "不再需要");
  await sharing().calendar.importNotice(city.people.city, { ...notice2027, days: notice2027.days.slice(0, 1) });
  expect((await sharing().requests.detail(city.people.clerk, open)).deadlines[0]).toMatchObject({ dueOn: "2027-01-07" });
  expect((await sharing().requests.detail(city.people.clerk, closed)).deadlines[0]).toMatchObject({ dueOn: "2027-01-06", state: "cancelled" });
});

test("under the legacy profile a reply has ten days, no extension, and provision no clock", async () => {
  const legacy = await createSharingFixture({ sharing: { profile: "legacy-2016" } });
  try {
    const id = await legacy.sentRequest(await legacy.entry());
    await expect(legacy.catalog.sharing.reviews.askExtension(legacy.people.provider, id, { days: 1, reason: "数据量大" })).rejects.toMatchObject({ code: "request.extension-none" });
    await legacy.catalog.sharing.reviews.giveOpinion(legacy.people.provider, id, { opinion: "agree" });
    expect((await legacy.catalog.sharing.requests.detail(legacy.people.clerk, id)).deadlines).toMatchObject([{ kind: "reply", profile: "legacy-2016", workingDays: 10 }]);
  } finally {
    await legacy.drop();
  }
});
