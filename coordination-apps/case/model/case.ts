import type { BilingualText } from "../../check/model/definition.ts";

export const caseStates = ["opened", "notified", "objected", "confirmed", "dismissed", "appealed", "decided", "closed"] as const;
export type CaseState = (typeof caseStates)[number];

export const caseActions = ["notify", "object", "confirm", "dismiss", "appeal", "decide-appeal", "close"] as const;
export type CaseAction = (typeof caseActions)[number];

/**
 * The life of a case. Verification is the step from the first three states to `confirmed` or `dismissed`, and only a
 * person takes it. Nothing here stops a benefit: a confirmed case tells the benefit department, which decides under
 * 社会保险经办条例 art. 25-26.
 */
export const caseTransitions: Record<CaseAction, { from: readonly CaseState[]; to: CaseState }> = {
  notify: { from: ["opened"], to: "notified" },
  object: { from: ["notified"], to: "objected" },
  // Not from `opened`: nobody is found against without having been told and heard.
  confirm: { from: ["notified", "objected"], to: "confirmed" },
  dismiss: { from: ["opened", "notified", "objected"], to: "dismissed" },
  appeal: { from: ["confirmed"], to: "appealed" },
  "decide-appeal": { from: ["appealed"], to: "decided" },
  close: { from: ["confirmed", "dismissed", "decided"], to: "closed" },
};

/** Not yet verified: new evidence joins such a case, and there is at most one per claim. */
export const undecidedStates: readonly CaseState[] = ["opened", "notified", "objected"];

/** Evidence that arrives while the matter is still open belongs to the same case. */
export const liveStates: readonly CaseState[] = ["opened", "notified", "objected", "confirmed", "appealed", "decided"];

/** "Waiting for a person" is told from the state, it is not one more state. */
export function waitingFor(state: CaseState): "case-officer" | "second-officer" | undefined {
  if (state === "closed") return undefined;
  return state === "appealed" ? "second-officer" : "case-officer";
}

export const stateTitles: Record<CaseState, BilingualText> = {
  opened: { message: "opened", zh: "已立案" },
  notified: { message: "person notified", zh: "已告知" },
  objected: { message: "person objected", zh: "已提出异议" },
  confirmed: { message: "confirmed", zh: "已确认" },
  dismissed: { message: "dismissed", zh: "已排除" },
  appealed: { message: "appealed", zh: "已申诉" },
  decided: { message: "appeal decided", zh: "申诉已决定" },
  closed: { message: "closed", zh: "已办结" },
};

export const actionTitles: Record<CaseAction | "open" | "evidence-added" | "evidence-withdrawn" | "deadline-told", BilingualText> = {
  open: { message: "case opened", zh: "立案" },
  "evidence-added": { message: "evidence added", zh: "补充证据" },
  "evidence-withdrawn": { message: "evidence withdrawn at its source", zh: "证据在来源处已撤回" },
  "deadline-told": { message: "deadline computed", zh: "期限已算定" },
  notify: { message: "person notified", zh: "告知本人" },
  object: { message: "objection received", zh: "收到异议" },
  confirm: { message: "confirmed", zh: "确认" },
  dismiss: { message: "dismissed", zh: "排除" },
  appeal: { message: "appeal received", zh: "收到申诉" },
  "decide-appeal": { message: "appeal decided", zh: "作出申诉决定" },
  close: { message: "closed", zh: "办结" },
};

/** How the person was heard before a confirmation. */
export const hearings = ["accepted", "no-objection", "heard"] as const;
export type Hearing = (typeof hearings)[number];

/** What became of the decision that was appealed: 维持 or 撤销. */
export const appealOutcomes = ["maintained", "overturned"] as const;
export type AppealOutcome = (typeof appealOutcomes)[number];

export interface Deadline {
  /** The day of the event, which is not counted (民法典 art. 201). */
  from: string;
  count: number;
  unit: "working-day" | "day";
  /** The last day; absent while the holiday notice of `pendingYear` is not known. */
  date?: string;
  pendingYear?: number;
  /** How it was computed, or why it cannot be yet. */
  explanation: BilingualText;
}

export interface CheckCase {
  id: string;
  number: string;
  definition: string;
  definitionVersion: number;
  /** `YYYYMM`: the month whose comparison opened it. */
  period: string;
  claimKey: string;
  subjectNumber: string;
  subjectName?: string;
  claim: Record<string, unknown>;
  organisationId: string;
  state: CaseState;
  openedAt: Date;
  verifyDeadline: Deadline;
  objectionDeadline?: Deadline;
  appealDeadline?: Deadline;
  notifiedAt?: Date;
  objectedAt?: Date;
  outcome?: "confirmed" | "dismissed";
  outcomeKind?: string;
  outcomeRuleId?: string;
  decidedBy?: string;
  decidedAt?: Date;
  appealedAt?: Date;
  appealOutcome?: AppealOutcome;
  appealDecidedBy?: string;
  appealDecidedAt?: Date;
  closedAt?: Date;
  /** Yuan, two decimals, as text. */
  amountAtStake: string;
  /** Benefit months after the month compared, for which nothing has been paid yet. */
  remainingMonths: number;
  version: number;
}

export interface CaseStep {
  caseId: string;
  number: number;
  action: string;
  fromState?: CaseState;
  toState: CaseState;
  actorId: string;
  actorName?: string;
  at: Date;
  reason?: string;
  detail: Record<string, unknown>;
}

/** A hit as evidence in a case. */
export interface CaseEvidence {
  hitId: string;
  caseId: string;
  definitionVersion: number;
  ruleId: string;
  severity: "ground" | "clue";
  role: string;
  evidence: Record<string, unknown>;
  evidenceDate?: string;
  /** Absent when a name is missing on either side. */
  nameMatches?: boolean;
  organisationId: string;
  feedId: string;
  grantId: string;
  generation: number;
  batchSequence: number;
  foundAt: Date;
  foundBy: "batch" | "continuous";
  revision: number;
  /** What the source said before it changed. */
  earlier: Record<string, unknown>[];
  withdrawnAt?: Date;
  withdrawnReason?: string;
}
