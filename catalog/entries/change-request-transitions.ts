import type { Entry } from "../model/types.ts";

export const changeRequestStates = ["draft", "department-review", "city-review", "applied", "dismissed"] as const;
export type ChangeRequestState = (typeof changeRequestStates)[number];

/** The life of a held change: the same two reviews as an entry's own. */
export const changeRequestTransitions = {
  submit: { from: ["draft"], to: "department-review", waitingFor: "approver" },
  approve: { from: ["department-review"], to: "city-review", waitingFor: "city-reviewer" },
  apply: { from: ["city-review"], to: "applied" },
  return: { from: ["department-review", "city-review"], to: "draft", waitingFor: "cataloguer" },
  recall: { from: ["department-review", "city-review"], to: "draft" },
  dismiss: { from: ["draft", "department-review", "city-review"], to: "dismissed" },
} as const satisfies Record<string, { from: readonly ChangeRequestState[]; to: ChangeRequestState; waitingFor?: NonNullable<Entry["waitingFor"]> }>;

export type ChangeRequestAction = keyof typeof changeRequestTransitions;

export function isChangeRequestTransition(state: ChangeRequestState, action: ChangeRequestAction): boolean {
  return (changeRequestTransitions[action].from as readonly ChangeRequestState[]).includes(state);
}
