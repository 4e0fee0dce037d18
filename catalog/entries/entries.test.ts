import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isEntryCode, isResourceIdentifier } from "#standards";
import { anonymousActor, systemActor, type Actor } from "#platform";
import { newContent, newItem } from "../testing/new-content.ts";
import { createTestCatalog, type TestCatalog } from "../testing/test-catalog.ts";
import type { Entry, EntryState, Organisation } from "../model/types.ts";
import { entryTransitions, type EntryAction } from "./entry-transitions.ts";

let t: TestCatalog;
let labour: Organisation;
let police: Organisation;
let cataloguer: Actor;
let approver: Actor;
let reviewer: Actor;

beforeAll(async () => {
  t = await createTestCatalog();
  labour = await t.department("杭州市人力资源和社会保障局");
  police = await t.department("杭州市公安局");
  cataloguer = t.actor(labour, "cataloguer");
  approver = t.actor(labour, "approver");
  reviewer = t.actor(t.cityDataOffice, "city-reviewer");
});
afterAll(() => t?.drop());

let titles = 0;
const uniqueTitle = () => `测试条目 ${(titles += 1)}`;
const draft = (overrides: Parameters<typeof newContent>[0] = {}) => t.catalog.entries.createDraft(cataloguer, labour.id, newContent({ title: uniqueTitle(), ...overrides }));

async function bring(state: EntryState, overrides: Parameters<typeof newContent>[0] = {}): Promise<Entry> {
  const { entries } = t.catalog;
  const { id } = await draft(overrides);
  if (state === "draft") return entries.get(cataloguer, id);
  await entries.submit(cataloguer, id);
  if (state === "department-review") return entries.get(cataloguer, id);
  await entries.approve(approver, id);
  if (state === "city-review") return entries.get(cataloguer, id);
  await entries.approve(reviewer, id);
  if (state === "suspended") await entries.suspend(approver, id, "源系统停用");
  if (state === "withdrawn") await entries.withdraw(approver, id, "职责调整");
  return entries.get(cataloguer, id);
}

const events = (entryId: string) => t.db.database.read((reader) => t.kernel.eventLog.readAfter(reader, 0, 100_000)).then((all) => all.filter((event) => event.subjectId === entryId));

describe("a draft", () => {
  test("gets its code, identifier, version and score at the first save", async () => {
    const entry = await draft();
    expect(entry).toMatchObject({ state: "draft", version: "0.1", organisationId: labour.id, code: expect.stringMatching(/^203002\/\d{5}$/), resourceId: expect.stringMatching(/^33A002\/\d{8}$/) });
    expect(isEntryCode(entry.code) && isResourceIdentifier(entry.resourceId)).toBe(true);
    expect(entry.completeness).toBeGreaterThan(70);
    expect(await t.catalog.entries.get(cataloguer, entry.id)).toEqual(entry);
  });

  test("may be half-written: what is missing is told and the rest is kept", async () => {
    const half = { title: "只写了一半", format: { class: "database" }, sharingType: "refused", updateCycle: "daily", open: false, sensitivity: "L1" } as never;
    const entry = await t.catalog.entries.createDraft(cataloguer, labour.id, half);
    expect(entry.content).toMatchObject({ abstract: "", themeCodes: [], sharingMethod: [] });
    const issues = await t.catalog.entries.check(cataloguer, labour.id, half);
    expect(issues.map((issue) => issue.path).sort()).toEqual(["/abstract", "/format/types", "/items", "/refusalBasis", "/sharingMethod", "/themeCodes"]);
    await expect(t.catalog.entries.submit(cataloguer, entry.id)).rejects.toMatchObject({ kind: "Input", issues: expect.arrayContaining([expect.objectContaining({ path: "/refusalBasis", zh: expect.stringContaining("不予共享依据") })]) });
  });

  test("is refused when malformed, with every place named in both languages", async () => {
    const broken = { ...newContent(), sharingType: "sometimes", items: [{ name: "", field: "Bad Name", type: "C" }], unknown: 1 } as never;
    await expect(t.catalog.entries.createDraft(cataloguer, labour.id, broken)).rejects.toMatchObject({ issues: expect.arrayContaining([expect.objectContaining({ path: "/sharingType" }), expect.objectContaining({ path: "/items/0/name" }), expect.objectContaining({ path: "/items/0/field" }), expect.objectContaining({ path: "/unknown" })]) });
    for (const nonsense of [null, 7, "x", []] as never[]) await expect(t.catalog.entries.createDraft(cataloguer, labour.id, nonsense)).rejects.toMatchObject({ kind: "Input" });
  });

  test("is written by a cataloguer of the own department and nobody else", async () => {
    for (const actor of [approver, reviewer, t.actor(police, "cataloguer"), t.actor(labour, "administrator"), t.actor(t.cityDataOffice, "administrator"), anonymousActor]) {
      await expect(t.catalog.entries.createDraft(actor, labour.id, newContent())).rejects.toMatchObject({ kind: "NotAllowed" });
    }
    const entry = await draft();
    await expect(t.catalog.entries.changeDraft(t.actor(police, "cataloguer"), entry.id, newContent())).rejects.toMatchObject({ kind: "NotFound" });
    await expect(t.catalog.entries.changeDraft(approver, entry.id, newContent())).rejects.toMatchObject({ kind: "NotAllowed" });
  });

  test("counts its versions, and saving the same again changes nothing", async () => {
    const entry = await draft();
    const changed = await t.catalog.entries.changeDraft(cataloguer, entry.id, { ...entry.content, abstract: "改过的摘要,说明资源的内容和来源。" });
    expect(changed.version).toBe("0.2");
    expect(await t.catalog.entries.changeDraft(cataloguer, entry.id, changed.content)).toEqual(changed);
    expect((await events(entry.id)).map((event) => event.kind)).toEqual(["entry.created", "entry.changed"]);
    await expect(t.catalog.entries.changeDraft(cataloguer, entry.id, entry.content, "0.1")).rejects.toMatchObject({ code: "entry.changed-meanwhile" });
  });

  test("created by many at the same moment: no code and no identifier twice, none out of its series", async () => {
    const made = await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 ? draft({ guideCategory: "101" }) : t.catalog.entries.createDraft(t.actor(police, "cataloguer"), police.id, newContent({ title: uniqueTitle() })))));
    expect(new Set(made.map((entry) => entry.code)).size).toBe(40);
    expect(new Set(made.map((entry) => entry.resourceId)).size).toBe(40);
    const ownNumbers = made.filter((entry) => entry.code.startsWith("101002/")).map((entry) => Number(entry.code.split("/")[1])).sort((a, b) => a - b);
    expect(ownNumbers).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  test("that is discarded keeps its code: the next one gets another", async () => {
    const entry = await draft({ guideCategory: "205" });
    await t.catalog.entries.discard(cataloguer, entry.id, "重复登记");
    const next = await draft({ guideCategory: "205" });
    expect([entry.code, next.code]).toEqual(["205002/00001", "205002/00002"]);
  });
});

describe("review", () => {
  test("goes from draft over department and city to publication, and leaves who did what", async () => {
    const entry = await bring("published");
    expect(entry).toMatchObject({ state: "published", version: "1.0" });
    const history = await t.catalog.entries.history(cataloguer, entry.id);
    expect(history.map(({ action, fromState, toState, actorId }) => [action, fromState, toState, actorId])).toEqual([
      ["create", undefined, "draft", cataloguer.id],
      ["submit", "draft", "department-review", cataloguer.id],
      ["approve", "department-review", "city-review", approver.id],
      ["publish", "city-review", "published", reviewer.id],
    ]);
    expect((await events(entry.id)).map(({ kind, payload, organisationId }) => [kind, payload.state, organisationId])).toEqual([
      ["entry.created", "draft", labour.id],
      ["entry.submitted", "department-review", labour.id],
      ["entry.changed", "city-review", labour.id],
      ["entry.published", "published", labour.id],
    ]);
    expect(await t.catalog.changeRequests.versions(anonymousActor, (await bring("published", { open: true, openCondition: "依法开放" })).id)).toMatchObject([{ version: "1.0", changeKind: "first" }]);
  });

  test("says who must act next", async () => {
    const waiting = async (state: EntryState) => (await bring(state)).waitingFor;
    expect([await waiting("draft"), await waiting("department-review"), await waiting("city-review"), await waiting("published")]).toEqual([undefined, "approver", "city-reviewer", undefined]);
    const page = await t.catalog.entries.list(approver, { waitingFor: "approver" }, { first: 10 });
    expect(page.rows.every((entry) => entry.state === "department-review")).toBe(true);
    expect(page.rows.length).toBeGreaterThan(0);
  });

  test("gives back everything that is wrong at once, to the cataloguer", async () => {
    const { id } = await bring("department-review");
    await expect(t.catalog.entries.return(approver, id, [])).rejects.toMatchObject({ code: "entry.return.no-reason" });
    const returned = await t.catalog.entries.return(approver, id, [{ path: "/abstract", text: "摘要太笼统" }, { path: "/items/2", text: "姓名应标注敏感级别" }]);
    expect(returned).toMatchObject({ state: "draft", waitingFor: "cataloguer" });
    const last = (await t.catalog.entries.history(cataloguer, id)).at(-1)!;
    expect(last.issues.map((issue) => issue.path)).toEqual(["/abstract", "/items/2"]);
    expect(await t.catalog.entries.submit(cataloguer, id)).toMatchObject({ state: "department-review" });
  });

  test("nobody approves what they wrote, submitted or approved, whatever their roles", async () => {
    const everything = t.actor(labour, "cataloguer", "approver", "city-reviewer", "administrator");
    const own = await t.catalog.entries.createDraft(everything, labour.id, newContent({ title: uniqueTitle() }));
    await t.catalog.entries.submit(everything, own.id);
    await expect(t.catalog.entries.approve(everything, own.id)).rejects.toMatchObject({ code: "entry.self-approval" });

    const edited = await draft();
    await t.catalog.entries.changeDraft(everything, edited.id, newContent({ title: uniqueTitle() }));
    await t.catalog.entries.submit(cataloguer, edited.id);
    await expect(t.catalog.entries.approve(everything, edited.id)).rejects.toMatchObject({ code: "entry.self-approval" });

    const approved = await bring("department-review");
    await t.catalog.entries.approve(everything, approved.id);
    await expect(t.catalog.entries.approve(everything, approved.id)).rejects.toMatchObject({ code: "entry.self-approval" });
    await t.catalog.entries.approve(reviewer, approved.id);

    const system = systemActor("demo");
    const automatic = await t.catalog.entries.createDraft(system, labour.id, newContent({ title: uniqueTitle() }));
    await t.catalog.entries.submit(system, automatic.id);
    await expect(t.catalog.entries.approve(system, automatic.id)).rejects.toMatchObject({ code: "entry.self-approval" });
  });

  test("a department's approver approves for the own department only, and not for the city", async () => {
    const { id } = await bring("department-review");
    await expect(t.catalog.entries.approve(t.actor(police, "approver"), id)).rejects.toMatchObject({ kind: "NotFound" });
    await expect(t.catalog.entries.approve(reviewer, id)).rejects.toMatchObject({ kind: "NotAllowed" });
    await t.catalog.entries.approve(approver, id);
    await expect(t.catalog.entries.approve(t.actor(labour, "approver"), id)).rejects.toMatchObject({ kind: "NotAllowed" });
    await expect(t.catalog.entries.approve(t.actor(t.cityDataOffice, "administrator"), id)).rejects.toMatchObject({ kind: "NotAllowed" });
  });

  test("two approvals at the same moment publish once", async () => {
    const { id } = await bring("city-review");
    const second = t.actor(t.cityDataOffice, "city-reviewer");
    const outcomes = await Promise.allSettled([t.catalog.entries.approve(reviewer, id), t.catalog.entries.approve(second, id)]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await events(id)).filter((event) => event.kind === "entry.published")).toHaveLength(1);
  });

  test("a title is the department's once: told at submission, and safe when two come at once", async () => {
    const title = uniqueTitle();
    const [one, two, three] = [await draft({ title }), await draft({ title }), await draft({ title })];
    const outcomes = await Promise.allSettled([t.catalog.entries.submit(cataloguer, one.id), t.catalog.entries.submit(cataloguer, two.id)]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(t.catalog.entries.submit(cataloguer, three.id)).rejects.toMatchObject({ issues: [{ path: "/title", code: "entry.title-taken" }] });
    const elsewhere = await t.catalog.entries.createDraft(t.actor(police, "cataloguer"), police.id, newContent({ title }));
    await t.catalog.entries.submit(t.actor(police, "cataloguer"), elsewhere.id);
  });

  test("what the city suspended the department cannot resume by itself", async () => {
    const { id } = await bring("published");
    await expect(t.catalog.entries.suspend(reviewer, id, " ")).rejects.toMatchObject({ code: "reason.required" });
    await t.catalog.entries.suspend(reviewer, id, "数据质量核查");
    await expect(t.catalog.entries.resume(approver, id, "已处理")).rejects.toMatchObject({ code: "entry.resume.not-yours" });
    expect(await t.catalog.entries.resume(reviewer, id, "核查完成")).toMatchObject({ state: "published" });
    await t.catalog.entries.suspend(approver, id, "系统升级");
    expect(await t.catalog.entries.resume(approver, id, "升级完成")).toMatchObject({ state: "published" });
  });

  test("no sequence of actions takes a path that the table does not have", async () => {
    const everybody: Record<EntryAction, (id: string) => Promise<Entry>> = {
      submit: (id) => t.catalog.entries.submit(cataloguer, id),
      approve: (id) => t.catalog.entries.approve(approver, id),
      publish: (id) => t.catalog.entries.approve(reviewer, id),
      return: async (id) => t.catalog.entries.return((await t.catalog.entries.get(cataloguer, id)).state === "city-review" ? reviewer : approver, id, [{ path: "/", text: "请补正" }]),
      recall: (id) => t.catalog.entries.recall(cataloguer, id),
      suspend: (id) => t.catalog.entries.suspend(approver, id, "暂停"),
      resume: (id) => t.catalog.entries.resume(approver, id, "恢复"),
      withdraw: (id) => t.catalog.entries.withdraw(approver, id, "注销"),
      discard: (id) => t.catalog.entries.discard(cataloguer, id, "作废"),
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...(Object.keys(entryTransitions) as EntryAction[])), { minLength: 1, maxLength: 12 }), async (actions) => {
        const { id } = await draft();
        let state: EntryState = "draft";
        for (const action of actions) {
          const allowed = (entryTransitions[action].from as readonly EntryState[]).includes(state);
          const outcome = await everybody[action](id).then((entry) => entry.state, () => undefined);
          expect(outcome, `${action} from ${state}`).toBe(allowed ? entryTransitions[action].to : undefined);
          state = outcome ?? state;
        }
        const history = await t.catalog.entries.history(cataloguer, id);
        expect(history.at(-1)!.toState).toBe(state);
        for (const record of history.slice(1)) expect((entryTransitions[record.action as EntryAction].from as readonly EntryState[]).includes(record.fromState!)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });
});

describe("who sees what", () => {
  const sharing = ["unconditional", "conditional", "refused"] as const;
  const refusal = { refusalBasis: "依照《中华人民共和国个人信息保护法》第三十四条" };

  test("a list shows exactly what the detail shows, for every role and kind of entry", async () => {
    const made: Entry[] = [];
    for (const state of ["draft", "department-review", "city-review", "published", "suspended", "withdrawn"] as const) {
      for (const sharingType of sharing) made.push(await bring(state, { sharingType, ...(sharingType === "refused" ? refusal : {}), ...(sharingType === "unconditional" ? { sharingCondition: "无", open: true } : {}) }));
    }
    const actors: Actor[] = [anonymousActor, systemActor("test")];
    for (const organisation of [labour, police, t.cityDataOffice]) for (const role of ["cataloguer", "approver", "city-reviewer", "review-office", "node-operator", "analyst", "case-officer", "application", "auditor", "administrator"] as const) actors.push(t.actor(organisation, role));
    for (const actor of actors) {
      const listed = new Set<string>();
      for (let after: string | undefined; ; ) {
        const page = await t.catalog.entries.list(actor, {}, { first: 50, ...(after === undefined ? {} : { after }) });
        for (const entry of page.rows) listed.add(entry.id);
        if (!page.hasNextPage) break;
        after = page.cursors.at(-1);
      }
      const details = await t.catalog.entries.getMany(actor, made.map((entry) => entry.id));
      for (const [index, entry] of made.entries()) {
        const seen = details[index] !== undefined;
        expect(listed.has(entry.id), `${actor.roles.join()} of ${actor.organisationId} and ${entry.state} ${entry.content.sharingType}`).toBe(seen);
        expect(await t.catalog.entries.find(actor, entry.code).then((found) => found !== undefined)).toBe(seen);
        const expected =
          actor.kind === "system" || ["city-reviewer", "review-office", "auditor"].includes(actor.roles[0]!) || (actor.roles[0] === "administrator" && actor.organisationId === t.cityDataOffice.id) ||
          (actor.organisationId === labour.id && ["cataloguer", "approver", "administrator"].includes(actor.roles[0]!)) ||
          (entry.state === "published" && entry.content.sharingType !== "refused" && (actor.kind !== "anonymous" || entry.content.open));
        expect(seen).toBe(expected);
      }
    }
  });

  test("the pages of a list do not overlap and miss nothing", async () => {
    const walk = async (first: number) => {
      const ids: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await t.catalog.entries.list(reviewer, { organisationId: labour.id }, { first, ...(after === undefined ? {} : { after }) });
        ids.push(...page.rows.map((entry) => entry.id));
        if (!page.hasNextPage) return ids;
        after = page.cursors.at(-1);
      }
    };
    const small = await walk(3);
    expect(new Set(small).size).toBe(small.length);
    expect(small).toEqual(await walk(200));
    await expect(t.catalog.entries.list(reviewer, {}, { first: 10, after: "nonsense" })).rejects.toMatchObject({ kind: "Input", code: "page.cursor" });
    await expect(t.catalog.entries.list(reviewer, {}, { first: 0 })).rejects.toMatchObject({ code: "page.size" });
  });
});

describe("a held change", () => {
  const added = () => newItem({ name: "停发原因", field: "stop_reason", length: 20 });

  test("leaves the published version up until both reviews are done, then becomes the next version with its diff", async () => {
    const { changeRequests, entries } = t.catalog;
    const entry = await bring("published");
    const content = { ...entry.content, items: [...entry.content.items!, added()] };
    const change = await changeRequests.open(cataloguer, entry.id, { content, reason: "新增停发原因" });
    expect(change).toMatchObject({ state: "draft", baseVersion: "1.0" });
    await expect(changeRequests.open(cataloguer, entry.id, { content, reason: "又一次" })).rejects.toMatchObject({ code: "change-request.one-open" });
    expect(await changeRequests.diff(cataloguer, change.id)).toMatchObject({ kind: "minor", items: [{ field: "stop_reason", kind: "added" }] });
    await changeRequests.submit(cataloguer, change.id);
    await changeRequests.approve(approver, change.id);
    expect((await entries.get(cataloguer, entry.id)).content).toEqual(entry.content);
    expect(await changeRequests.approve(reviewer, change.id)).toMatchObject({ state: "applied", resultVersion: "1.1" });
    expect(await entries.get(cataloguer, entry.id)).toMatchObject({ state: "published", version: "1.1", content });

    const narrowing = await changeRequests.open(cataloguer, entry.id, { content: { ...content, items: content.items.filter((item) => item.field !== "name") }, reason: "不再提供姓名" });
    await changeRequests.submit(cataloguer, narrowing.id);
    await changeRequests.approve(approver, narrowing.id);
    await changeRequests.approve(reviewer, narrowing.id);
    const versions = await changeRequests.versions(cataloguer, entry.id);
    expect(versions.map(({ version, changeKind, changeReasons }) => [version, changeKind, changeReasons.map((reason) => reason.path)])).toEqual([["2.0", "major", ["/items/name"]], ["1.1", "minor", []], ["1.0", "first", []]]);
    expect(await changeRequests.diffVersions(cataloguer, entry.id, "1.0", "2.0")).toMatchObject({ kind: "major", items: [{ field: "name", kind: "removed" }, { field: "stop_reason", kind: "added" }] });
    expect(await changeRequests.diff(cataloguer, narrowing.id)).toMatchObject({ kind: "major" });
    expect((await events(entry.id)).filter((event) => event.kind === "entry.published").map((event) => event.payload.version)).toEqual(["1.0", "1.1", "2.0"]);
    await expect(changeRequests.diffVersions(cataloguer, entry.id, "1.0", "9.9")).rejects.toMatchObject({ code: "entry.no-version" });
  });

  test("follows the same separation, and is seen by those who see the work only", async () => {
    const { changeRequests } = t.catalog;
    const entry = await bring("published");
    const both = t.actor(labour, "cataloguer", "approver");
    const change = await changeRequests.open(both, entry.id, { content: { ...entry.content, contact: "0571-1" }, reason: "更新联系方式" });
    await changeRequests.submit(cataloguer, change.id);
    await expect(changeRequests.approve(both, change.id)).rejects.toMatchObject({ code: "entry.self-approval" });
    await expect(changeRequests.get(t.actor(police, "analyst"), change.id)).rejects.toMatchObject({ kind: "NotFound" });
    await expect(changeRequests.approve(t.actor(police, "approver"), change.id)).rejects.toMatchObject({ kind: "NotFound" });
    expect((await changeRequests.list(t.actor(police, "analyst"), {}, { first: 10 })).rows).toEqual([]);
    expect((await changeRequests.list(approver, { waitingFor: "approver" }, { first: 10 })).rows.map((row) => row.id)).toEqual([change.id]);
    expect(await changeRequests.return(approver, change.id, [{ path: "/contact", text: "号码不完整" }])).toMatchObject({ state: "draft", waitingFor: "cataloguer" });
    await expect(changeRequests.change(cataloguer, change.id, { content: entry.content })).rejects.toMatchObject({ code: "change-request.no-change" });
    await changeRequests.change(cataloguer, change.id, { content: { ...entry.content, sharingType: "refused" } });
    await expect(changeRequests.submit(cataloguer, change.id)).rejects.toMatchObject({ issues: [{ path: "/refusalBasis" }] });
    expect(await changeRequests.dismiss(cataloguer, change.id, "不再需要")).toMatchObject({ state: "dismissed" });
    await expect(changeRequests.submit(cataloguer, change.id)).rejects.toMatchObject({ kind: "Conflict" });
  });

  test("is for what is published, says something, and goes with a withdrawn entry", async () => {
    const { changeRequests, entries } = t.catalog;
    const waiting = await bring("department-review");
    await expect(changeRequests.open(cataloguer, waiting.id, { content: newContent(), reason: "改动" })).rejects.toMatchObject({ code: "change-request.not-published" });
    await expect(entries.changeDraft(cataloguer, waiting.id, newContent())).rejects.toMatchObject({ code: "entry.not-editable" });
    const entry = await bring("published");
    await expect(changeRequests.open(cataloguer, entry.id, { content: entry.content, reason: "没有变化" })).rejects.toMatchObject({ code: "change-request.no-change" });
    const change = await changeRequests.open(cataloguer, entry.id, { content: { ...entry.content, contact: "0571-2" }, reason: "更新" });
    await entries.withdraw(approver, entry.id, "职责调整");
    expect(await changeRequests.get(cataloguer, change.id)).toMatchObject({ state: "dismissed" });
  });
});

test("the audit log names every step and its chain holds", async () => {
  const entry = await bring("published");
  const records = await t.db.database.read((reader) => t.kernel.audit.list(reader, { objectId: entry.id, limit: 100 }));
  expect(records.map((record) => [record.action, record.actorId])).toEqual([["entry.create", cataloguer.id], ["entry.submit", cataloguer.id], ["entry.approve", approver.id], ["entry.publish", reviewer.id]]);
  expect(await t.db.database.read((reader) => t.kernel.audit.verify(reader))).toMatchObject({ intact: true });
});
