import { InputError, isRefusal, NotFoundError, type Actor, type Kernel, type NewDomainEvent, type Refusal, type Transaction } from "#platform";
import type { CheckDefinition } from "../../check/model/definition.ts";
import { localDay } from "../../check/model/period.ts";
import type { CheckApp, OutcomeStanding } from "../model/app.ts";
import { appealOutcomes, type AppealOutcome, type CaseAction, type CaseEvidence, type CaseState, type CaseStep, type CheckCase, type Deadline, type Hearing } from "../model/case.ts";
import { computeDeadline, type WorkingDayCalendar } from "../model/deadline.ts";
import { countCaseRows, findCase, findCaseForUpdate, firstCaseConditionPlaceholder, insertSteps, listCaseRows, listCasesByIds, listCasesWithPendingDeadline, listSteps, updateCase, type CaseFilter, type CasePage } from "../repositories/cases.ts";
import { listEvidence } from "../repositories/evidence.ts";
import { availableActions, chooseGround, requireAppealInTime, requireClosable, requireDismissalKind, requirePerson, requireSecondOfficer, requireText, settleHearing } from "./case-actions.ts";
import { assertTransition, transition } from "./transition.ts";

export interface CaseDetail {
  case: CheckCase;
  evidence: CaseEvidence[];
  steps: CaseStep[];
  actions: CaseAction[];
}

export interface ManyOutcome {
  done: CheckCase[];
  refused: { caseId: string; refusal: Refusal }[];
}

/** How many cases one call may act on. */
export const mostCasesPerCall = 500;
export const mostCasesPerPage = 200;

export interface NotifyInput {
  caseId: string;
  /** How the person was told: letter, telephone, in person. */
  channel: string;
}
export interface StatementInput {
  caseId: string;
  /** What the person said. */
  statement: string;
}
export interface ConfirmInput {
  caseId: string;
  reason: string;
  /** Of the ground; without it the first ground among the evidence that stands. */
  kind?: string;
  hearing?: Hearing;
}
export interface DismissInput {
  caseId: string;
  kind: string;
  reason: string;
}
export interface DecideAppealInput {
  caseId: string;
  outcome: AppealOutcome;
  reason: string;
}

export interface CaseService {
  list(actor: Actor, filter: CaseFilter, page: CasePage): Promise<CheckCase[]>;
  count(actor: Actor, filter: CaseFilter): Promise<number>;
  get(actor: Actor, caseId: string): Promise<CaseDetail>;
  /** Those that the actor may see, in the order asked; for loaders. */
  listByIds(actor: Actor, caseIds: readonly string[]): Promise<(CheckCase | undefined)[]>;
  notify(actor: Actor, input: NotifyInput): Promise<CheckCase>;
  object(actor: Actor, input: StatementInput): Promise<CheckCase>;
  confirm(actor: Actor, input: ConfirmInput): Promise<CheckCase>;
  dismiss(actor: Actor, input: DismissInput): Promise<CheckCase>;
  appeal(actor: Actor, input: StatementInput): Promise<CheckCase>;
  decideAppeal(actor: Actor, input: DecideAppealInput): Promise<CheckCase>;
  close(actor: Actor, input: { caseId: string; reason?: string }): Promise<CheckCase>;
  /** The same on up to 500 cases at once; each is done or refused on its own, with the refusal beside it. */
  notifyMany(actor: Actor, inputs: readonly NotifyInput[]): Promise<ManyOutcome>;
  confirmMany(actor: Actor, inputs: readonly ConfirmInput[]): Promise<ManyOutcome>;
  dismissMany(actor: Actor, inputs: readonly DismissInput[]): Promise<ManyOutcome>;
  /** Computes deadlines that waited for a holiday notice; answers how many can be told now. */
  tellPendingDeadlines(actor: Actor): Promise<number>;
}

export interface CreateCaseServiceOptions {
  kernel: Kernel;
  calendar: WorkingDayCalendar;
  apps: ReadonlyMap<string, CheckApp>;
}

interface Step {
  case: CheckCase;
  event: NewDomainEvent;
}

type Act = (tx: Transaction, found: CheckCase, evidence: CaseEvidence[], app: CheckApp, at: Date) => Promise<Step>;

export function createCaseService({ kernel, calendar, apps }: CreateCaseServiceOptions): CaseService {
  const { database, clock, access, audit, eventLog } = kernel;
  const appOf = (found: CheckCase): CheckApp => {
    const app = apps.get(found.definition);
    if (!app) throw new NotFoundError(`No check is called ${found.definition}`, { zh: "协查方案不存在", code: "check.not-found" });
    return app;
  };
  const deadline = (definition: CheckDefinition, member: "objectWorkingDays" | "appealDays", at: Date): Deadline =>
    computeDeadline({ from: localDay(at), count: definition.caseTerms[member], unit: member === "appealDays" ? "day" : "working-day", what: member === "appealDays" ? { message: "appeal", zh: "申诉期限" } : { message: "objection", zh: "异议期限" }, calendar });

  const detailObject = (found: CheckCase) => ({ id: found.id, organisationId: found.organisationId });

  /** One action on one case: access, lock, the action itself. Writes nothing when it refuses. */
  async function actOn(tx: Transaction, actor: Actor, action: CaseAction, caseId: string, act: Act): Promise<Step> {
    const found = await findCaseForUpdate(tx, caseId);
    if (!found) throw new NotFoundError(`No case ${caseId} that you may see`, { zh: "对象不存在或无权查看", code: "case.not-found" });
    access.assert(actor, "case", action, detailObject(found));
    assertTransition(found, action);
    return act(tx, found, await listEvidence(tx, [caseId]), appOf(found), clock.now());
  }

  async function finish(tx: Transaction, actor: Actor, action: CaseAction, steps: readonly Step[]): Promise<void> {
    await eventLog.append(tx, actor, steps.map((step) => step.event));
    for (const step of steps) await audit.record(tx, actor, { action: `case.${action}`, objectType: "case", objectId: step.case.id, detail: { number: step.case.number, state: step.case.state, ...(step.case.outcomeKind === undefined ? {} : { kind: step.case.outcomeKind }) } });
  }

  async function actOnOne(actor: Actor, action: CaseAction, caseId: string, act: Act): Promise<CheckCase> {
    requirePerson(actor);
    access.assertAnyScope(actor, "case", action);
    return database.withTransaction(async (tx) => {
      const step = await actOn(tx, actor, action, caseId, act);
      await finish(tx, actor, action, [step]);
      return step.case;
    });
  }

  async function actOnMany<Input extends { caseId: string }>(actor: Actor, action: CaseAction, inputs: readonly Input[], act: (input: Input) => Act): Promise<ManyOutcome> {
    requirePerson(actor);
    access.assertAnyScope(actor, "case", action);
    if (inputs.length > mostCasesPerCall) throw new InputError(`One call acts on at most ${mostCasesPerCall} cases, not ${inputs.length}`, { zh: `一次最多处理 ${mostCasesPerCall} 件`, code: "case.too-many" });
    if (new Set(inputs.map((input) => input.caseId)).size !== inputs.length) throw new InputError("A case is named twice", { zh: "办件重复", code: "case.named-twice" });
    return database.withTransaction(async (tx) => {
      const steps: Step[] = [];
      const refused: ManyOutcome["refused"] = [];
      // In the order of ids, so that two officers' pages lock in the same order; answered in the order asked.
      for (const input of [...inputs].sort((a, b) => (a.caseId < b.caseId ? -1 : 1))) {
        try {
          steps.push(await actOn(tx, actor, action, input.caseId, act(input)));
        } catch (error) {
          if (!isRefusal(error)) throw error;
          refused.push({ caseId: input.caseId, refusal: error });
        }
      }
      await finish(tx, actor, action, steps);
      const order = new Map(inputs.map((input, index) => [input.caseId, index]));
      steps.sort((a, b) => order.get(a.case.id)! - order.get(b.case.id)!);
      return { done: steps.map((step) => step.case), refused };
    });
  }

  async function writeOutcome(tx: Transaction, app: CheckApp, decided: CheckCase, evidence: readonly CaseEvidence[], standing: OutcomeStanding, at: Date): Promise<void> {
    const rule = app.definition.rules.find((candidate) => candidate.id === decided.outcomeRuleId);
    const dates = evidence.filter((item) => rule !== undefined && item.withdrawnAt === undefined && item.evidenceDate !== undefined && app.definition.rules.find((candidate) => candidate.id === item.ruleId)?.kind === rule.kind).map((item) => item.evidenceDate!);
    await app.writeOutcome(tx, { case: decided, standing, decidedOn: localDay(at), at, ...(rule === undefined ? {} : { rule }), ...(dates.length === 0 ? {} : { circumstanceFrom: dates.sort()[0]! }) });
  }

  const notify = (actor: Actor, input: NotifyInput): Act => (tx, found, _evidence, app, at) => {
    const channel = requireText(input.channel, { message: "How the person was told", zh: "告知方式" });
    return transition(tx, found, { actor, at, action: "notify", detail: { channel }, set: { notifiedAt: at, objectionDeadline: deadline(app.definition, "objectWorkingDays", at) } });
  };

  const confirm = (actor: Actor, input: ConfirmInput): Act => async (tx, found, evidence, app, at) => {
    const reason = requireText(input.reason, { message: "The reason", zh: "理由" });
    const hearing = settleHearing(found, input.hearing, at);
    const { rule } = chooseGround(found, app.definition, evidence, input.kind);
    const step = await transition(tx, found, {
      actor, at, action: "confirm", reason, detail: { kind: rule.kind, ruleId: rule.id, hearing, legalBasis: `${rule.legalBasis.law} ${rule.legalBasis.article}` },
      set: { outcome: "confirmed", outcomeKind: rule.kind, outcomeRuleId: rule.id, decidedBy: actor.id, decidedAt: at, appealDeadline: deadline(app.definition, "appealDays", at) },
    });
    await writeOutcome(tx, app, step.case, evidence, "confirmed", at);
    return step;
  };

  const dismiss = (actor: Actor, input: DismissInput): Act => async (tx, found, evidence, app, at) => {
    const reason = requireText(input.reason, { message: "The reason", zh: "理由" });
    const kind = requireDismissalKind(app.definition, input.kind);
    const step = await transition(tx, found, { actor, at, action: "dismiss", reason, detail: { kind }, set: { outcome: "dismissed", outcomeKind: kind, decidedBy: actor.id, decidedAt: at } });
    await writeOutcome(tx, app, step.case, evidence, "dismissed", at);
    return step;
  };

  return {
    async list(actor, filter, page) {
      access.assertAnyScope(actor, "case", "see");
      if (page.limit < 1 || page.limit > mostCasesPerPage + 1) throw new InputError(`A page has 1 to ${mostCasesPerPage} cases`, { zh: `每页 1 至 ${mostCasesPerPage} 件`, code: "case.page-size" });
      return database.read((reader) => listCaseRows(reader, filter, page, access.condition(actor, "case", "see", { firstPlaceholder: firstCaseConditionPlaceholder })));
    },
    async count(actor, filter) {
      access.assertAnyScope(actor, "case", "see");
      return database.read((reader) => countCaseRows(reader, filter, access.condition(actor, "case", "see", { firstPlaceholder: firstCaseConditionPlaceholder })));
    },
    async get(actor, caseId) {
      access.assertAnyScope(actor, "case", "see");
      return database.read(async (reader) => {
        const found = await findCase(reader, caseId);
        if (!found || !access.allows(actor, "case", "see", detailObject(found))) throw new NotFoundError(`No case ${caseId} that you may see`, { zh: "对象不存在或无权查看", code: "case.not-found" });
        const evidence = await listEvidence(reader, [caseId]);
        return { case: found, evidence, steps: await listSteps(reader, [caseId]), actions: availableActions(found, actor, evidence, clock.now(), (action) => access.allows(actor, "case", action, detailObject(found))) };
      });
    },
    async listByIds(actor, caseIds) {
      access.assertAnyScope(actor, "case", "see");
      const found = new Map((await database.read((reader) => listCasesByIds(reader, caseIds))).map((one) => [one.id, one]));
      return caseIds.map((id) => {
        const one = found.get(id);
        return one && access.allows(actor, "case", "see", detailObject(one)) ? one : undefined;
      });
    },
    notify: (actor, input) => actOnOne(actor, "notify", input.caseId, notify(actor, input)),
    object: (actor, input) =>
      actOnOne(actor, "object", input.caseId, (tx, found, _evidence, _app, at) => {
        const statement = requireText(input.statement, { message: "What the person said", zh: "异议内容" });
        return transition(tx, found, { actor, at, action: "object", reason: statement, set: { objectedAt: at } });
      }),
    confirm: (actor, input) => actOnOne(actor, "confirm", input.caseId, confirm(actor, input)),
    dismiss: (actor, input) => actOnOne(actor, "dismiss", input.caseId, dismiss(actor, input)),
    appeal: (actor, input) =>
      actOnOne(actor, "appeal", input.caseId, async (tx, found, evidence, app, at) => {
        const statement = requireText(input.statement, { message: "What the person said", zh: "申诉内容" });
        requireAppealInTime(found, at);
        const step = await transition(tx, found, { actor, at, action: "appeal", reason: statement, set: { appealedAt: at } });
        await writeOutcome(tx, app, step.case, evidence, "under-appeal", at);
        return step;
      }),
    decideAppeal: (actor, input) =>
      actOnOne(actor, "decide-appeal", input.caseId, async (tx, found, evidence, app, at) => {
        const reason = requireText(input.reason, { message: "The reason", zh: "理由" });
        if (!appealOutcomes.includes(input.outcome)) throw new InputError("A decision that was appealed is maintained or overturned", { zh: "申诉结果应为维持或撤销", code: "case.appeal-outcome" });
        requireSecondOfficer(found, actor);
        const step = await transition(tx, found, { actor, at, action: "decide-appeal", reason, detail: { outcome: input.outcome }, set: { appealOutcome: input.outcome, appealDecidedBy: actor.id, appealDecidedAt: at } });
        await writeOutcome(tx, app, step.case, evidence, input.outcome === "maintained" ? "confirmed" : "overturned", at);
        return step;
      }),
    close: (actor, input) =>
      actOnOne(actor, "close", input.caseId, async (tx, found, _evidence, _app, at) => {
        requireClosable(found, at);
        return transition(tx, found, { actor, at, action: "close", set: { closedAt: at }, ...(input.reason === undefined ? {} : { reason: requireText(input.reason, { message: "The reason", zh: "理由" }) }) });
      }),
    notifyMany: (actor, inputs) => actOnMany(actor, "notify", inputs, (input) => notify(actor, input)),
    confirmMany: (actor, inputs) => actOnMany(actor, "confirm", inputs, (input) => confirm(actor, input)),
    dismissMany: (actor, inputs) => actOnMany(actor, "dismiss", inputs, (input) => dismiss(actor, input)),

    async tellPendingDeadlines(actor) {
      access.assertAnyScope(actor, "check", "run");
      return database.withTransaction(async (tx) => {
        const at = clock.now();
        let told = 0;
        for (const found of await listCasesWithPendingDeadline(tx, 1_000)) {
          const again = (pending: Deadline, what: { message: string; zh: string }) => (pending.date === undefined ? computeDeadline({ from: pending.from, count: pending.count, unit: pending.unit, what, calendar }) : pending);
          const verify = again(found.verifyDeadline, { message: "verification", zh: "核实期限" });
          const objection = found.objectionDeadline && again(found.objectionDeadline, { message: "objection", zh: "异议期限" });
          if (verify.date === found.verifyDeadline.date && objection?.date === found.objectionDeadline?.date) continue;
          await updateCase(tx, { ...found, verifyDeadline: verify, ...(objection ? { objectionDeadline: objection } : {}) });
          await insertSteps(tx, [{ caseId: found.id, action: "deadline-told", fromState: found.state, toState: found.state satisfies CaseState, actorId: actor.id, at, detail: { ...(verify.date === undefined ? {} : { verifyBy: verify.date }), ...(objection?.date === undefined ? {} : { objectBy: objection.date }) } }]);
          told += 1;
        }
        return told;
      });
    },
  };
}
