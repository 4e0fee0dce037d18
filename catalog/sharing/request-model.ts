import type { RowCondition, SharingRequest, SharingType } from "#standards";

/** 共享申请: what the law (政务数据共享条例 art. 20-22, 27) knows of a request, from draft to disposal. */
export const requestStates = ["draft", "submitted", "internal-approved", "under-review", "returned-for-material", "agreed", "refused", "provided", "ended", "disposed", "withdrawn"] as const;
export type RequestState = (typeof requestStates)[number];

export const reviewOffices = ["informatisation", "supervision", "legal-affairs", "secrecy"] as const;
export type ReviewOffice = (typeof reviewOffices)[number];

/** Whoever gives an opinion on a request: the provider and, where flagged, each of the four offices by itself. */
export const reviewParts = ["provider", ...reviewOffices] as const;
export type ReviewPart = (typeof reviewParts)[number];

/** Who must act next. A flag on a state, not a state. */
export const waitingParties = ["requester", "requester-head", ...reviewParts, "city"] as const;
export type WaitingParty = (typeof waitingParties)[number];

/**
 * The one transition table. `by` names who may take the step in the words of the access rules of `request`
 * (`system`: only a rule of the platform); steps from a state to itself are recorded like all others.
 */
export const requestTransitions = {
  submit: { from: ["draft"], to: "submitted", by: "submit" },
  "refuse-at-intake": { from: ["submitted"], to: "refused", by: "system" },
  "return-internally": { from: ["submitted"], to: "draft", by: "approve-internally" },
  "approve-internally": { from: ["submitted"], to: "internal-approved", by: "approve-internally" },
  "agree-by-rule": { from: ["internal-approved"], to: "agreed", by: "system" },
  "begin-review": { from: ["internal-approved"], to: "under-review", by: "system" },
  "flag-for-review-body": { from: ["under-review"], to: "under-review", by: "flag" },
  "give-opinion": { from: ["under-review"], to: "under-review", by: "review" },
  "return-for-material": { from: ["under-review"], to: "returned-for-material", by: "review" },
  resubmit: { from: ["returned-for-material"], to: "under-review", by: "submit" },
  "ask-extension": { from: ["under-review"], to: "under-review", by: "ask-extension" },
  "consent-extension": { from: ["under-review"], to: "under-review", by: "consent-extension" },
  "decline-extension": { from: ["under-review"], to: "under-review", by: "consent-extension" },
  agree: { from: ["under-review"], to: "agreed", by: "system" },
  refuse: { from: ["under-review"], to: "refused", by: "system" },
  reopen: { from: ["refused"], to: "under-review", by: "system" },
  "confirm-provision": { from: ["agreed"], to: "provided", by: "confirm-provision" },
  end: { from: ["agreed", "provided"], to: "ended", by: "system" },
  dispose: { from: ["ended"], to: "disposed", by: "dispose" },
  withdraw: { from: ["draft", "submitted", "under-review", "returned-for-material"], to: "withdrawn", by: "withdraw" },
} as const satisfies Record<string, { from: readonly RequestState[]; to: RequestState; by: string }>;
export type RequestAction = keyof typeof requestTransitions;
export const requestActions = Object.keys(requestTransitions) as RequestAction[];

export function canTransition(state: RequestState, action: RequestAction): boolean {
  return (requestTransitions[action].from as readonly RequestState[]).includes(state);
}

/** Less than was asked or granted: only ever takes away, except the end of validity, which may also be moved back. */
export interface Narrowing {
  fields?: string[];
  /** Holds in addition to the condition that is there. */
  addedCondition?: RowCondition;
  /** Added to those that are there. */
  masks?: NonNullable<SharingRequest["masks"]>;
  validUntil?: string;
}

export interface Decision {
  outcome: "agreed" | "refused";
  /** Which rule decided, when no person did. */
  rule?: "unconditional" | "own-data" | "refused-kind";
  reason?: string;
  zh?: string;
  legalBasis?: string;
  narrowing?: Narrowing;
  grantId?: string;
}

/** 延长答复 (art. 21): one, of at most ten working days, with the city authority's consent. */
export interface Extension {
  days: number;
  reason: string;
  state: "asked" | "consented" | "declined";
  askedBy: string;
  askedAt: string;
  answeredBy?: string;
  answeredAt?: string;
  answer?: string;
}

export interface Request {
  id: string;
  /** `GX` + year + running number. */
  number: string;
  entryId: string;
  entryVersion: string;
  /** Title of the entry when it was asked for: the request stays readable after the entry has gone. */
  entryTitle: string;
  consumerOrganisationId: string;
  providerOrganisationId: string;
  applicationId?: string;
  state: RequestState;
  waitingFor: WaitingParty[];
  /** A deadline of it has passed: the city data office acts too. */
  overdue: boolean;
  sharingType: SharingType;
  reviewBody: boolean;
  round: number;
  /** A draft may still lack members; from `submitted` on it is whole. */
  content: RequestContent;
  decision?: Decision;
  extension?: Extension;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
  /** Everybody who wrote, submitted or resubmitted it: none of them decides on it. */
  requesters: string[];
  internallyApprovedBy?: string;
  sentAt?: Date;
  decidedAt?: Date;
}

export type RequestContent = Pick<SharingRequest, "entryId"> & Partial<SharingRequest>;

export interface Opinion {
  round: number;
  part: ReviewPart;
  opinion: "agree" | "refuse";
  reason?: string;
  legalBasis?: string;
  narrowing?: Narrowing;
  actorId: string;
  organisationId: string;
  at: Date;
}

export interface MaterialItem {
  /** JSON pointer into the request's content, e.g. `/legalBasis`. */
  path: string;
  text: string;
}

export interface MaterialReturn {
  round: number;
  part: ReviewPart;
  items: MaterialItem[];
  content: RequestContent;
  actorId: string;
  at: Date;
}

export interface RequestStep {
  id: number;
  requestId: string;
  action: RequestAction;
  fromState: RequestState;
  toState: RequestState;
  at: Date;
  actorId: string;
  actorOrganisationId?: string;
  reason?: string;
  detail: Record<string, unknown>;
}

/** The members of a request that access scopes look at. */
export interface RequestScopeSubject {
  id: string;
  consumerOrganisationId: string;
  providerOrganisationId: string;
  applicationId?: string | undefined;
  /** Whether it has left the asking department. */
  sent: boolean;
  reviewBody: boolean;
}

export const requestSubject = (request: Request): RequestScopeSubject => ({
  id: request.id,
  consumerOrganisationId: request.consumerOrganisationId,
  providerOrganisationId: request.providerOrganisationId,
  applicationId: request.applicationId,
  sent: request.sentAt !== undefined,
  reviewBody: request.reviewBody,
});

/**
 * Whose opinions a request needs before it can be agreed to. The provider decides on conditional entries (art. 21);
 * what is flagged needs all four offices besides; neither kind has no part, and a rule decides.
 */
export function requiredParts(request: Pick<Request, "sharingType" | "reviewBody" | "consumerOrganisationId" | "providerOrganisationId">): ReviewPart[] {
  const ownData = request.consumerOrganisationId === request.providerOrganisationId;
  return [...(request.sharingType !== "unconditional" && !ownData ? (["provider"] as const) : []), ...(request.reviewBody ? reviewOffices : [])];
}

/** Who must act next, from the state and what is still outstanding. */
export function waitingFor(request: Pick<Request, "state" | "sharingType" | "reviewBody" | "consumerOrganisationId" | "providerOrganisationId" | "extension" | "round" | "overdue">, opinions: readonly Opinion[]): WaitingParty[] {
  const city: WaitingParty[] = request.overdue ? ["city"] : [];
  switch (request.state) {
    case "draft":
    case "returned-for-material":
      return ["requester"];
    case "submitted":
      return ["requester-head"];
    case "under-review": {
      const given = new Set(opinions.filter((opinion) => opinion.round === request.round).map((opinion) => opinion.part));
      const parts = requiredParts(request).filter((part) => !given.has(part));
      return [...parts, ...(request.extension?.state === "asked" || request.overdue ? (["city"] as const) : [])];
    }
    case "agreed":
      return ["provider", ...city];
    case "ended":
      return ["requester"];
    default:
      return [];
  }
}

export interface RequestFilter {
  states?: readonly RequestState[];
  entryId?: string;
  consumerOrganisationId?: string;
  providerOrganisationId?: string;
  waitingFor?: WaitingParty;
}

