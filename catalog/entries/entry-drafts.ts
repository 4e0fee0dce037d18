import { formatEntryCode, formatEntryCodeFront, formatResourceIdentifier, isGuideCategory, type CatalogEntry, type EntryCode } from "#standards";
import { canonicalJson, ConflictError, InputError, NotAllowedError, NotFoundError, type Actor, type Issue, type Kernel, type Transaction } from "#platform";
import type { Entry, EntryState, Organisation } from "../model/types.ts";
import { allocateNumbers } from "../numbers/number-series.ts";
import { findOrganisations } from "../organisations/organisation-repository.ts";
import { scoreOf } from "./completeness.ts";
import { assertDraft, checkDraft, type DraftVerdict } from "./draft-content.ts";
import { replaceItems } from "./entry-item-repository.ts";
import { findEntries, findEntriesBySource, insertEntries, scopeSubjectOf, sourceKey, toEntry, updateContents, type EntryRecord } from "./entry-repository.ts";
import { entryStateNames } from "./entry-transitions.ts";
import { insertHistory } from "./entry-version-repository.ts";
import { checkContents } from "./rule-context.ts";
import { firstDraftVersion, nextVersion } from "./version.ts";

export interface DraftInput {
  organisationId: string;
  content: CatalogEntry;
  /** Of the draft to replace; absent: by the content's `sourceReference` within the department, else a new one. */
  entryId?: string;
}

export type SavedDraft =
  | { outcome: "created" | "updated" | "unchanged"; entryId: string; code: string; resourceId: string; completeness: number; gaps: Issue[] }
  /** `issues` says why: content that cannot be stored, or an entry that is no longer a draft. Nothing was written for it. */
  | { outcome: "refused"; issues: Issue[]; entryId?: string; state?: EntryState };

export interface EntryDrafts {
  check(actor: Actor, organisationId: string, content: CatalogEntry, entryId?: string): Promise<Issue[]>;
  createDraft(actor: Actor, organisationId: string, content: CatalogEntry): Promise<Entry>;
  /** With `expectedVersion`, refused when somebody else saved the draft meanwhile. */
  changeDraft(actor: Actor, entryId: string, content: CatalogEntry, expectedVersion?: string): Promise<Entry>;
  saveDrafts(tx: Transaction, actor: Actor, inputs: readonly DraftInput[]): Promise<SavedDraft[]>;
}

/** The guide's 类 and 项 when the content names none: 3 部门, 07 省级及以下. */
const departmentalCategory = "307";
const mostInputs = 50_000;

/** The front of an entry's code (发改高技〔2017〕1272号): 目 is the department's number. */
function codeFrontOf(content: CatalogEntry, organisation: Organisation): Omit<EntryCode, "sequence"> {
  const category = content.guideCategory !== undefined && isGuideCategory(content.guideCategory) ? content.guideCategory : departmentalCategory;
  return { class: category.slice(0, 1) as EntryCode["class"], item: category.slice(1), section: String(organisation.departmentNumber).padStart(3, "0"), subsection: "" };
}

/** A draft that is not there yet: only its department decides. */
const draftSubject = (organisationId: string) => ({ id: "", organisationId, state: "draft", sharingType: "refused", open: false });

export const entryNotFound = (id: string) => new NotFoundError(`No entry ${id} that you may see`, { zh: "对象不存在或无权查看", code: "entry.not-found" });

export function createEntryDrafts({ kernel }: { kernel: Kernel }): EntryDrafts {
  const { access, audit, clock, database, eventLog, newId, validator } = kernel;

  function assertMayCreate(actor: Actor, organisationId: string, permission: "edit" | "import" = "edit"): void {
    if (access.allows(actor, "entry", permission, draftSubject(organisationId))) return;
    throw new NotAllowedError(`You may not catalogue for organisation ${organisationId}`, { zh: "只有本部门的编目员可以编制目录", code: "entry.edit.not-allowed", nextStep: "Ask a cataloguer of that department." });
  }

  /** New drafts with codes and identifiers of their own, in the order given. */
  async function create(tx: Transaction, actor: Actor, drafts: readonly { organisationId: string; verdict: DraftVerdict }[]): Promise<EntryRecord[]> {
    if (drafts.length === 0) return [];
    const organisations = await findOrganisations(tx, [...new Set(drafts.map((draft) => draft.organisationId))]);
    const series = drafts.map(({ organisationId, verdict }) => {
      const organisation = organisations.get(organisationId);
      if (!organisation) throw new InputError(`Organisation ${organisationId} does not exist`, { zh: "提供方机构不存在", code: "entry.organisation" });
      if (!organisation.active) throw new ConflictError(`Organisation ${organisationId} is closed`, { zh: "提供方机构已停用", code: "entry.organisation-closed" });
      const front = codeFrontOf(verdict.content, organisation);
      return { organisation, front, code: `entry-code ${formatEntryCodeFront(front)}`, resource: `resource ${organisation.prefix}` };
    });
    const counts = new Map<string, number>();
    for (const { code, resource } of series) for (const name of [code, resource]) counts.set(name, (counts.get(name) ?? 0) + 1);
    const next = await allocateNumbers(tx, counts);
    const take = (name: string): number => {
      const number = next.get(name)!;
      next.set(name, number + 1);
      return number;
    };
    const at = clock.now();
    const entries = drafts.map(({ organisationId, verdict }, index): EntryRecord => {
      const { organisation, front, code, resource } = series[index]!;
      return {
        id: newId("entry"),
        code: formatEntryCode({ ...front, sequence: take(code) }),
        resourceId: formatResourceIdentifier(organisation.prefix, take(resource)),
        organisationId,
        state: "draft",
        version: firstDraftVersion,
        content: verdict.content,
        completeness: scoreOf(verdict.content),
        createdAt: at,
        updatedAt: at,
        createdBy: actor.id,
        editedBy: actor.id,
      };
    });
    await insertEntries(tx, entries);
    await replaceItems(tx, entries, true);
    await insertHistory(tx, entries.map((entry) => ({ entryId: entry.id, action: "create", toState: "draft", at, actorId: actor.id, issues: [], version: entry.version })));
    return entries;
  }

  async function change(tx: Transaction, actor: Actor, changes: readonly { before: EntryRecord; verdict: DraftVerdict }[]): Promise<EntryRecord[]> {
    if (changes.length === 0) return [];
    const at = clock.now();
    const entries = changes.map(({ before, verdict }): EntryRecord => ({ ...before, content: verdict.content, version: nextVersion(before.version, "minor"), completeness: scoreOf(verdict.content), updatedAt: at, editedBy: actor.id }));
    await updateContents(tx, entries);
    await replaceItems(tx, entries);
    await insertHistory(tx, entries.map((entry) => ({ entryId: entry.id, action: "edit", fromState: entry.state, toState: entry.state, at, actorId: actor.id, issues: [], version: entry.version })));
    return entries;
  }

  const announce = (tx: Transaction, actor: Actor, created: readonly EntryRecord[], changed: readonly EntryRecord[]) =>
    eventLog.append(tx, actor, [...created.map((entry) => ({ entry, kind: "entry.created" })), ...changed.map((entry) => ({ entry, kind: "entry.changed" }))].map(({ entry, kind }) => ({ subjectType: "entry", subjectId: entry.id, kind, organisationId: entry.organisationId, payload: { entryId: entry.id, state: entry.state } })));

  return {
    async check(actor, organisationId, content, entryId) {
      assertMayCreate(actor, organisationId);
      const { content: draft } = checkDraft(validator, content);
      const [issues] = await database.read((reader) => checkContents(reader, kernel, [{ organisationId, content: draft, ...(entryId === undefined ? {} : { entryId }) }]));
      return issues!;
    },

    async createDraft(actor, organisationId, content) {
      assertMayCreate(actor, organisationId);
      const verdict = assertDraft(validator, content);
      return database.withTransaction(async (tx) => {
        const [entry] = await create(tx, actor, [{ organisationId, verdict }]);
        await announce(tx, actor, [entry!], []);
        await audit.record(tx, actor, { action: "entry.create", objectType: "entry", objectId: entry!.id, detail: { code: entry!.code, organisationId } });
        return toEntry(entry!);
      });
    },

    async changeDraft(actor, entryId, content, expectedVersion) {
      access.assertAnyScope(actor, "entry", "edit");
      const verdict = assertDraft(validator, content);
      return database.withTransaction(async (tx) => {
        const before = (await findEntries(tx, [entryId], "for update")).get(entryId);
        if (!before) throw entryNotFound(entryId);
        access.assert(actor, "entry", "edit", scopeSubjectOf(before));
        if (before.state !== "draft") throw notEditable(before);
        if (expectedVersion !== undefined && expectedVersion !== before.version) throw new ConflictError(`Draft ${entryId} is at version ${before.version}, not ${expectedVersion}: somebody saved it meanwhile`, { zh: "草稿已被他人修改", code: "entry.changed-meanwhile", nextStep: "Load the draft again, compare, and save your changes on top of it." });
        if (canonicalJson(before.content) === canonicalJson(verdict.content)) return toEntry(before);
        const [entry] = await change(tx, actor, [{ before, verdict }]);
        await announce(tx, actor, [], [entry!]);
        await audit.record(tx, actor, { action: "entry.change", objectType: "entry", objectId: entryId, detail: { version: entry!.version } });
        return toEntry(entry!);
      });
    },

    async saveDrafts(tx, actor, inputs) {
      access.assertAnyScope(actor, "entry", "import");
      if (inputs.length > mostInputs) throw new InputError(`At most ${mostInputs} drafts are saved at once, not ${inputs.length}`, { zh: `一次最多保存 ${mostInputs} 个条目`, code: "entry.too-many" });
      for (const organisationId of new Set(inputs.map((input) => input.organisationId))) assertMayCreate(actor, organisationId, "import");

      const outcomes: SavedDraft[] = [];
      const refuse = (index: number, issues: Issue[], entry?: EntryRecord) => void (outcomes[index] = { outcome: "refused", issues, ...(entry === undefined ? {} : { entryId: entry.id, state: entry.state }) });
      const verdicts = inputs.map((input) => checkDraft(validator, input.content));
      const byId = await findEntries(tx, inputs.flatMap((input) => input.entryId ?? []), "for update");
      const bySource = await findEntriesBySource(tx, inputs.flatMap(({ organisationId, content }) => (typeof content?.sourceReference === "string" ? [{ organisationId, sourceReference: content.sourceReference }] : [])));

      const created: { index: number; organisationId: string; verdict: DraftVerdict }[] = [];
      const changed: { index: number; before: EntryRecord; verdict: DraftVerdict }[] = [];
      const claimed = new Set<string>();
      inputs.forEach((input, index) => {
        const verdict = verdicts[index]!;
        if (verdict.problems.length > 0) return refuse(index, verdict.problems);
        const { sourceReference } = verdict.content;
        const key = sourceReference === undefined ? undefined : sourceKey(input.organisationId, sourceReference);
        const before = input.entryId === undefined ? key && bySource.get(key) : byId.get(input.entryId);
        if (input.entryId !== undefined && (!before || before.organisationId !== input.organisationId || !access.allows(actor, "entry", "import", scopeSubjectOf(before)))) return refuse(index, [{ path: "/", code: "entry.not-found", message: `no entry ${input.entryId} of this department`, zh: "本部门没有该目录条目" }]);
        const claim = before ? before.id : key;
        if (claim !== undefined && claimed.has(claim)) return refuse(index, [{ path: "/sourceReference", code: "entry.source-twice", message: "the same source stands twice in this import", zh: "来源标识在本次导入中重复" }], before || undefined);
        if (claim !== undefined) claimed.add(claim);
        if (!before) return void created.push({ index, organisationId: input.organisationId, verdict });
        if (canonicalJson(before.content) === canonicalJson(verdict.content)) return void (outcomes[index] = savedAs("unchanged", before, verdict));
        if (before.state !== "draft") return refuse(index, [{ path: "/", code: "entry.not-draft", message: `entry ${before.code} is in state ${before.state}: an import changes drafts only`, zh: `条目 ${before.code} 处于“${entryStateNames[before.state]}”状态,导入只能更新草稿` }], before);
        changed.push({ index, before, verdict });
      });

      const createdEntries = await create(tx, actor, created);
      const changedEntries = await change(tx, actor, changed);
      createdEntries.forEach((entry, position) => (outcomes[created[position]!.index] = savedAs("created", entry, created[position]!.verdict)));
      changedEntries.forEach((entry, position) => (outcomes[changed[position]!.index] = savedAs("updated", entry, changed[position]!.verdict)));
      await announce(tx, actor, createdEntries, changedEntries);
      if (createdEntries.length + changedEntries.length > 0) {
        await audit.record(tx, actor, { action: "entry.save-drafts", objectType: "entry", detail: { created: createdEntries.length, updated: changedEntries.length, refused: outcomes.filter((outcome) => outcome.outcome === "refused").length, organisationIds: [...new Set(inputs.map((input) => input.organisationId))] } });
      }
      return outcomes;
    },
  };
}

function savedAs(outcome: "created" | "updated" | "unchanged", entry: EntryRecord, { gaps }: DraftVerdict): SavedDraft {
  return { outcome, entryId: entry.id, code: entry.code, resourceId: entry.resourceId, completeness: entry.completeness, gaps };
}

function notEditable(entry: EntryRecord): ConflictError {
  const review = entry.state === "department-review" || entry.state === "city-review";
  return new ConflictError(`Entry ${entry.id} is in state ${entry.state}: only drafts are edited in place`, {
    zh: `目录条目处于“${entryStateNames[entry.state]}”状态,不能直接修改`,
    code: "entry.not-editable",
    nextStep: review ? "Take the submission back first." : "Open a change request: the published version stays up until the change is approved.",
  });
}
