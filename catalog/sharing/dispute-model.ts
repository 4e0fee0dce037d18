/** 争议 (政务数据共享条例 art. 28): the departments consult; failing that the city authority decides; the law sets no days. */
export const disputeStates = ["consulting", "referred", "decided", "settled", "withdrawn"] as const;
export type DisputeState = (typeof disputeStates)[number];

/** The one transition table. `by` is the action in the access rules of `dispute`. */
export const disputeTransitions = {
  state: { from: ["consulting", "referred"], to: undefined, by: "state" },
  settle: { from: ["consulting", "referred"], to: "settled", by: "settle" },
  refer: { from: ["consulting"], to: "referred", by: "refer" },
  decide: { from: ["referred"], to: "decided", by: "decide" },
  withdraw: { from: ["consulting", "referred"], to: "withdrawn", by: "withdraw" },
} as const satisfies Record<string, { from: readonly DisputeState[]; to: DisputeState | undefined; by: string }>;
export type DisputeAction = keyof typeof disputeTransitions;
export const disputeActions = Object.keys(disputeTransitions) as DisputeAction[];

export function canActOnDispute(state: DisputeState, action: DisputeAction): boolean {
  return (disputeTransitions[action].from as readonly DisputeState[]).includes(state);
}

export const disputeSubjects = ["request", "grant", "correction"] as const;
export type DisputeSubject = (typeof disputeSubjects)[number];

export interface Dispute {
  id: string;
  subjectType: DisputeSubject;
  subjectId: string;
  raisedByOrganisationId: string;
  againstOrganisationId: string;
  reason: string;
  state: DisputeState;
  outcome?: "upheld" | "dismissed";
  decision?: string;
  raisedBy: string;
  raisedAt: Date;
  updatedAt: Date;
}

export interface DisputeStep {
  action: DisputeAction | "raise";
  fromState: DisputeState;
  toState: DisputeState;
  statement?: string;
  actorId: string;
  organisationId?: string;
  at: Date;
}

/** The members of a dispute that access scopes look at. */
export interface DisputeScopeSubject {
  id: string;
  raisedByOrganisationId: string;
  againstOrganisationId: string;
  /** Whether it has come before the city authority. */
  referred: boolean;
}

export const disputeSubject = (dispute: Dispute): DisputeScopeSubject => ({
  id: dispute.id,
  raisedByOrganisationId: dispute.raisedByOrganisationId,
  againstOrganisationId: dispute.againstOrganisationId,
  referred: dispute.state === "referred" || dispute.state === "decided",
});
