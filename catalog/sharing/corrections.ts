import { ConflictError, InputError, NotAllowedError, NotFoundError, sha256, type Actor, type Issue, type Kernel, type Reader } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import { actionOfAnswer, canAnswerCorrection, correctionTransitions, type Correction, type CorrectionAction, type CorrectionAnswer, type CorrectionFilter, type RaiseCorrectionInput } from "./correction-model.ts";
import { findCorrection, findOpenCorrection, insertCorrection, listCorrections, lockOpenCorrectionsOf, updateCorrection } from "./correction-repository.ts";
import type { Deadline } from "./deadline-model.ts";
import type { DeadlineService } from "./deadlines.ts";
import { selectGrants } from "./grant-repository.ts";
import { assertReason } from "../model/reason.ts";
import { listAccess } from "./rows.ts";
import { runWork, type SharingSources, type Work } from "./work.ts";

/** 校核申请. The values in them may be personal: they stay in their table and are shown to the two departments only. */
export interface CorrectionService {
  get(actor: Actor, correctionId: string): Promise<CorrectionView>;
  list(actor: Actor, filter: CorrectionFilter, page: PageRequest): Promise<Page<CorrectionView>>;
  /** By a department that holds a grant of the field. The same open doubt again gives the one that is there. */
  raise(actor: Actor, input: RaiseCorrectionInput): Promise<Correction>;
  /** For the base databases (system actor): up to 1,000 at once, in one transaction; `raised` counts the new ones. */
  raiseMany(actor: Actor, inputs: readonly RaiseCorrectionInput[]): Promise<{ correctionIds: string[]; raised: number }>;
  /** The provider's answer, within 10 working days: corrected, correct as it is, or rejected with the reason. */
  answer(actor: Actor, correctionId: string, input: { answer: CorrectionAnswer; text: string }): Promise<Correction>;
  withdraw(actor: Actor, correctionId: string, reason: string): Promise<Correction>;
  /** The source shows another value now: everybody's open doubts about it are closed. Returns how many. */
  closeAsCorrected(actor: Actor, keys: readonly { entryId: string; field: string; rowKey: string }[]): Promise<number>;
}

export interface CorrectionView {
  correction: Correction;
  /** Row key and values are left out of `correction` when not. */
  valuesVisible: boolean;
  deadline?: Deadline;
  actions: ("answer" | "withdraw")[];
}

/** By which a row is recognised again. */
export const rowKeyDigest = (entryId: string, rowKey: string): string => sha256(`${entryId}\n${rowKey}`);

const mostAtOnce = 1_000;
const notFound = (id: string) => new NotFoundError(`No correction ${id} that you may see`, { zh: "校核申请不存在或无权查看", code: "correction.not-found" });

export function createCorrections({ kernel, sources, deadlines }: { kernel: Kernel; sources: SharingSources; deadlines: DeadlineService }): CorrectionService {
  const { access } = kernel;

  async function getSeen(reader: Reader, actor: Actor, id: string, lock: "" | "for update" = ""): Promise<Correction> {
    const correction = await findCorrection(reader, id, lock);
    if (correction === undefined || !access.allows(actor, "correction", "see", correction)) throw notFound(id);
    return correction;
  }

  function viewOf(actor: Actor, correction: Correction, deadline: Deadline | undefined): CorrectionView {
    const valuesVisible = access.allows(actor, "correction", "see-values", correction);
    const { givenValue: _given, expectedValue: _expected, ...rest } = correction;
    const open = correction.state === "raised" && actor.kind !== "system";
    const actions: CorrectionView["actions"] = [];
    if (open && access.allows(actor, "correction", "answer", correction)) actions.push("answer");
    if (open && access.allows(actor, "correction", "withdraw", correction)) actions.push("withdraw");
    return { correction: valuesVisible ? correction : { ...rest, rowKey: "" }, valuesVisible, actions, ...(deadline === undefined ? {} : { deadline }) };
  }

  /** The only writer of a correction's state. */
  async function transition(work: Work, correction: Correction, action: CorrectionAction, answer: string): Promise<Correction> {
    if (!canAnswerCorrection(correction.state, action)) throw new ConflictError(`Correction ${correction.id} is ${correction.state} already`, { zh: "校核申请已办结", code: "correction.state" });
    const next: Correction = { ...correction, state: correctionTransitions[action].to, updatedAt: work.at, answer, answeredBy: work.actor.id, answeredAt: work.at };
    await updateCorrection(work.tx, next);
    await deadlines.close(work.tx, "correction", correction.id, "correction", action === "withdraw" ? "cancelled" : "answered");
    work.events.push(eventOf(next, "correction.answered"));
    work.audits.push({ action: `correction.${action}`, objectType: "correction", objectId: correction.id, detail: { field: correction.field } });
    return next;
  }

  async function raiseOne(work: Work, input: RaiseCorrectionInput, index: number): Promise<{ correction: Correction; isNew: boolean }> {
    const { actor, tx, at } = work;
    const entry = await sources.findEntry(tx, input.entryId);
    const grant = actor.organisationId === undefined ? undefined : (await selectGrants(tx, { entryId: input.entryId, consumerOrganisationId: actor.organisationId, states: ["active", "suspended"] })).find((each) => each.fields.includes(input.field));
    if (entry === undefined || (grant === undefined && actor.kind !== "system")) {
      throw new NotAllowedError(`Your department holds no grant of ${input.field} of entry ${input.entryId}`, { zh: "本部门没有该信息项的使用授权，不能提出校核", code: "correction.no-grant", nextStep: "Ask for the data first." });
    }
    assertInput(input, entry.content.items?.some((item) => item.field === input.field) === true, index);
    const correction: Correction = {
      ...input,
      id: kernel.newId("correction"),
      entryVersion: entry.version,
      rowKeyDigest: rowKeyDigest(entry.id, input.rowKey),
      providerOrganisationId: entry.organisationId,
      state: "raised",
      raisedBy: actor.id,
      raisedAt: at,
      updatedAt: at,
      ...(grant === undefined ? {} : { grantId: grant.id }),
      ...(actor.organisationId === undefined ? {} : { raisedByOrganisationId: actor.organisationId }),
    };
    if (!(await insertCorrection(tx, correction))) {
      const open = await findOpenCorrection(tx, { entryId: entry.id, field: input.field, rowKeyDigest: correction.rowKeyDigest, raisedByOrganisationId: actor.organisationId });
      if (open === undefined) throw new ConflictError("The correction was answered at this moment; raise it again if it still holds", { zh: "同一校核申请刚刚办结，如仍有疑问请重新提出", code: "correction.race" });
      return { correction: open, isNew: false };
    }
    await deadlines.open(tx, { subjectType: "correction", subjectId: correction.id, kind: "correction", clock: "correct" });
    work.events.push(eventOf(correction, "correction.raised"));
    return { correction, isNew: true };
  }

  return {
    get: (actor, id) =>
      kernel.database.read(async (reader) => {
        const correction = await getSeen(reader, actor, id);
        return viewOf(actor, correction, (await deadlines.list(reader, [id])).get(id)!.at(-1));
      }),

    async list(actor, filter, page) {
      checkPageSize(page.first);
      const after = page.after === undefined ? undefined : decodeCursor(page.after, 2);
      return kernel.database.read(async (reader) => {
        const rows = await listCorrections(reader, { access: listAccess(access, actor, "correction"), filter, after: after && { at: new Date(Number(after[0])), id: String(after[1]) }, limit: page.first + 1 });
        const clocks = await deadlines.list(reader, rows.map((row) => row.id));
        return toPage(rows.map((row) => viewOf(actor, row, clocks.get(row.id)!.at(-1))), page.first, ({ correction }) => encodeCursor([correction.updatedAt.getTime(), correction.id]));
      });
    },

    async raise(actor, input) {
      access.assertAnyScope(actor, "correction", "raise");
      return runWork(kernel, actor, async (work) => {
        const { correction, isNew } = await raiseOne(work, input, 0);
        if (isNew) work.audits.push({ action: "correction.raise", objectType: "correction", objectId: correction.id, detail: { entryId: correction.entryId, field: correction.field } });
        return correction;
      });
    },

    async raiseMany(actor, inputs) {
      access.assertAnyScope(actor, "correction", "raise");
      if (inputs.length > mostAtOnce) throw new InputError(`At most ${mostAtOnce} corrections at once, not ${inputs.length}`, { zh: `一次最多提出 ${mostAtOnce} 项校核`, code: "correction.too-many" });
      return runWork(kernel, actor, async (work) => {
        const correctionIds: string[] = [];
        let raised = 0;
        for (const [index, input] of inputs.entries()) {
          const { correction, isNew } = await raiseOne(work, input, index);
          correctionIds.push(correction.id);
          if (isNew) raised += 1;
        }
        if (raised > 0) work.audits.push({ action: "correction.raise", objectType: "correction", detail: { raised } });
        return { correctionIds, raised };
      });
    },

    async answer(actor, id, { answer, text }) {
      assertReason(text, "text");
      return runWork(kernel, actor, async (work) => {
        const correction = await getSeen(work.tx, actor, id, "for update");
        access.assert(actor, "correction", "answer", correction);
        return transition(work, correction, actionOfAnswer[answer], text);
      });
    },

    async withdraw(actor, id, reason) {
      assertReason(reason);
      return runWork(kernel, actor, async (work) => {
        const correction = await getSeen(work.tx, actor, id, "for update");
        access.assert(actor, "correction", "withdraw", correction);
        return transition(work, correction, "withdraw", reason);
      });
    },

    async closeAsCorrected(actor, keys) {
      if (actor.kind !== "system") throw new NotAllowedError("Only the platform sees that a source was corrected; a provider answers the correction", { zh: "仅平台可依据来源变化自动关闭校核", code: "correction.close.not-allowed" });
      if (keys.length > mostAtOnce) throw new InputError(`At most ${mostAtOnce} keys at once, not ${keys.length}`, { zh: `一次最多 ${mostAtOnce} 项`, code: "correction.too-many" });
      return runWork(kernel, actor, async (work) => {
        let closed = 0;
        for (const { entryId, field, rowKey } of keys) {
          for (const correction of await lockOpenCorrectionsOf(work.tx, entryId, field, rowKeyDigest(entryId, rowKey))) {
            await transition(work, correction, "close-as-corrected", "The source shows another value now / 来源数据已更正");
            closed += 1;
          }
        }
        return closed;
      });
    },
  };
}

const eventOf = (correction: Correction, kind: string) => ({ subjectType: "correction", subjectId: correction.id, kind, organisationId: correction.providerOrganisationId, payload: { correctionId: correction.id, entryId: correction.entryId, field: correction.field, state: correction.state } });

function assertInput(input: RaiseCorrectionInput, known: boolean, index: number): void {
  const issues: Issue[] = [];
  if (!known) issues.push({ path: `/${index}/field`, code: "correction.unknown-field", message: `The entry has no data item ${input.field}`, zh: `目录条目没有信息项 ${input.field}` });
  if (input.rowKey.length < 1 || input.rowKey.length > 500) issues.push({ path: `/${index}/rowKey`, code: "correction.row-key", message: "has 1 to 500 characters", zh: "数据主键为 1 至 500 字" });
  if (input.evidence.trim().length < 2 || input.evidence.length > 2000) issues.push({ path: `/${index}/evidence`, code: "correction.evidence", message: "says in 2 to 2000 characters why the value is doubted", zh: "请说明存疑理由(2 至 2000 字)" });
  for (const member of ["givenValue", "expectedValue"] as const) if ((input[member]?.length ?? 0) > 2000) issues.push({ path: `/${index}/${member}`, code: "maxLength", message: "has at most 2000 characters", zh: "不能超过 2000 字" });
  if (issues.length > 0) throw new InputError(`The correction has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: issues[0]!.zh, code: "correction.incomplete", issues });
}
