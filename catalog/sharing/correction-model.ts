/** 校核 (政务数据共享条例 art. 26): a user of data says that a value is wrong; its provider verifies, corrects, answers. */
export const correctionStates = ["raised", "verified-corrected", "verified-correct", "rejected", "closed-as-corrected", "withdrawn"] as const;
export type CorrectionState = (typeof correctionStates)[number];

/** The one transition table; every answer ends the matter. */
export const correctionTransitions = {
  "verify-corrected": { from: ["raised"], to: "verified-corrected" },
  "verify-correct": { from: ["raised"], to: "verified-correct" },
  reject: { from: ["raised"], to: "rejected" },
  "close-as-corrected": { from: ["raised"], to: "closed-as-corrected" },
  withdraw: { from: ["raised"], to: "withdrawn" },
} as const satisfies Record<string, { from: readonly CorrectionState[]; to: CorrectionState }>;
export type CorrectionAction = keyof typeof correctionTransitions;

export function canAnswerCorrection(state: CorrectionState, action: CorrectionAction): boolean {
  return (correctionTransitions[action].from as readonly CorrectionState[]).includes(state);
}

export const correctionAnswers = ["verified-corrected", "verified-correct", "rejected"] as const;
export type CorrectionAnswer = (typeof correctionAnswers)[number];
export const actionOfAnswer = { "verified-corrected": "verify-corrected", "verified-correct": "verify-correct", rejected: "reject" } as const satisfies Record<CorrectionAnswer, CorrectionAction>;

export interface Correction {
  id: string;
  entryId: string;
  entryVersion: string;
  grantId?: string;
  field: string;
  /** The row's key as the raiser gave it. May be personal, like the values: shown to the two departments only. */
  rowKey: string;
  rowKeyDigest: string;
  givenValue?: string;
  expectedValue?: string;
  /** Why it is thought wrong: rival source and date, document; without personal values. */
  evidence: string;
  /** Absent when the platform raised it (contradicting sources in a base database). */
  raisedByOrganisationId?: string;
  providerOrganisationId: string;
  state: CorrectionState;
  raisedBy: string;
  raisedAt: Date;
  updatedAt: Date;
  answer?: string;
  answeredBy?: string;
  answeredAt?: Date;
}

/** The members of a correction that access scopes look at. */
export interface CorrectionScopeSubject {
  id: string;
  raisedByOrganisationId?: string | undefined;
  providerOrganisationId: string;
}

export interface RaiseCorrectionInput {
  entryId: string;
  field: string;
  /** The key of the row: the values of the key fields joined by `|`, or a reference that only the two departments can resolve. */
  rowKey: string;
  givenValue?: string;
  expectedValue?: string;
  evidence: string;
}

export interface CorrectionFilter {
  states?: readonly CorrectionState[];
  entryId?: string;
  providerOrganisationId?: string;
  raisedByOrganisationId?: string;
}
