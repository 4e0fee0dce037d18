import type { Grant, GrantAction, GrantState, RowCondition } from "#standards";
import { InputError, type Issue } from "#platform";
import type { Narrowing } from "./request-model.ts";

export type { Grant, GrantAction, GrantState };

/** Whoever has to stop before a revoked grant counts as revoked. */
export const stopParties = ["gateway", "provider", "subscriber"] as const;
export type StopParty = (typeof stopParties)[number];

/** The one transition table of grants. `change` raises the version without leaving the state. */
export const grantTransitions = {
  issue: { from: [], to: "active", event: "grant.issued" },
  change: { from: ["active", "suspended"], to: undefined, event: "grant.changed" },
  suspend: { from: ["active"], to: "suspended", event: "grant.suspended" },
  resume: { from: ["suspended"], to: "active", event: "grant.resumed" },
  revoke: { from: ["active", "suspended"], to: "revoking", event: "grant.revoking" },
  "all-stopped": { from: ["revoking"], to: "revoked", event: "grant.revoked" },
  expire: { from: ["active", "suspended"], to: "expired", event: "grant.expired" },
} as const satisfies Record<string, { from: readonly GrantState[]; to: GrantState | undefined; event: string }>;
export type GrantChange = keyof typeof grantTransitions;

export const grantEventKinds = [...new Set(Object.values(grantTransitions).map((transition) => transition.event))];

export function canChangeGrant(state: GrantState, change: GrantChange): boolean {
  return (grantTransitions[change].from as readonly GrantState[]).includes(state);
}

/** The members of a grant that access scopes look at. */
export interface GrantScopeSubject {
  id: string;
  consumerOrganisationId: string;
  providerOrganisationId: string;
  applicationId?: string | undefined;
}

export const grantSubject = ({ id, consumerOrganisationId, providerOrganisationId, applicationId }: Grant): GrantScopeSubject => ({ id, consumerOrganisationId, providerOrganisationId, applicationId });

/** What a delivery mode lets the consumer do (the Casbin action). */
export const actionOfDeliveryMode = { feed: "subscribe", batch: "subscribe", query: "query", file: "read" } as const satisfies Record<Grant["deliveryMode"], GrantAction>;

/** Fields, rows, masks and validity: what a narrowing acts on. */
export interface Scope {
  fields: string[];
  keyFields: string[];
  rowCondition?: RowCondition;
  masks?: NonNullable<Grant["masks"]>;
  validFrom: string;
  validUntil: string;
}

export interface ScopeLimits {
  /** The most that was ever agreed to: fields may come back up to here, never beyond. */
  agreedFields: readonly string[];
  /** Latest end of validity. */
  latest: string;
}

/**
 * `scope` after `narrowing`, or an InputError with everything that does not fit. Key fields always stay, the added
 * condition holds beside the one that is there, and a mask is never taken away.
 */
export function narrow(scope: Scope, narrowing: Narrowing, limits: ScopeLimits, checkPart: (fields: readonly string[], condition: RowCondition | undefined, masks: Scope["masks"]) => Issue[]): Scope {
  const issues: Issue[] = [];
  const wanted = narrowing.fields === undefined ? scope.fields : [...scope.keyFields, ...narrowing.fields.filter((field) => !scope.keyFields.includes(field))];
  const allowed = new Set([...limits.agreedFields, ...scope.keyFields]);
  for (const field of wanted) {
    if (!allowed.has(field)) issues.push({ path: "/fields", code: "grant.field-not-agreed", message: `${field} was never agreed to; it needs a request of its own`, zh: `信息项 ${field} 不在同意的范围内，须另行申请` });
  }
  const validUntil = narrowing.validUntil ?? scope.validUntil;
  if (validUntil > limits.latest) issues.push({ path: "/validUntil", code: "grant.validity", message: `Validity may not go beyond ${limits.latest}`, zh: `使用时限不得晚于 ${limits.latest}` });
  if (validUntil < scope.validFrom) issues.push({ path: "/validUntil", code: "grant.validity", message: "Validity would end before it begins", zh: "使用时限早于起始日" });
  const rowCondition = narrowing.addedCondition === undefined ? scope.rowCondition : scope.rowCondition === undefined ? narrowing.addedCondition : { all: [scope.rowCondition, narrowing.addedCondition] };
  const masks = Object.fromEntries(Object.entries({ ...narrowing.masks, ...scope.masks }).filter(([field]) => wanted.includes(field)));
  for (const [field, rule] of Object.entries(narrowing.masks ?? {})) {
    if (scope.masks?.[field] !== undefined && scope.masks[field] !== rule) issues.push({ path: `/masks/${field}`, code: "grant.mask-present", message: `${field} is already masked as ${scope.masks[field]}`, zh: `信息项 ${field} 已按 ${scope.masks[field]} 脱敏` });
  }
  issues.push(...checkPart(wanted, narrowing.addedCondition, narrowing.masks));
  if (issues.length > 0) throw new InputError(`The narrowing has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.message}`, { zh: `范围调整有 ${issues.length} 处问题：${issues[0]!.zh}`, code: "grant.narrowing", issues });
  return {
    fields: wanted,
    keyFields: scope.keyFields,
    ...(rowCondition === undefined ? {} : { rowCondition }),
    ...(Object.keys(masks).length === 0 ? {} : { masks }),
    validFrom: scope.validFrom,
    validUntil,
  };
}

export interface GrantVersion {
  version: number;
  change: GrantChange;
  grant: Grant;
  reason?: string;
  actorId: string;
  /** Absent for the platform's own steps. */
  actorOrganisationId?: string;
  at: Date;
}

export interface StopConfirmation {
  party: StopParty;
  at: Date;
  actorId: string;
}

export interface GrantFilter {
  states?: readonly GrantState[];
  entryId?: string;
  requestId?: string;
  consumerOrganisationId?: string;
  providerOrganisationId?: string;
  applicationId?: string;
  deliveryModes?: readonly Grant["deliveryMode"][];
}

/** What went over the wire under a grant on one day. */
export interface Metering {
  grantId: string;
  day: string;
  rows: number;
  bytes: number;
  calls: number;
}

/** The user's own record (art. 27, 29): scene, process and effect of use; storage; disposal. */
export interface UsageRecord {
  id: string;
  grantId: string;
  kind: "use" | "storage" | "disposal";
  scene: string;
  process: string;
  effect?: string;
  fromDay: string;
  untilDay: string;
  organisationId: string;
  actorId: string;
  recordedAt: Date;
  /** At least three years later; there is no way to delete it. */
  keepUntil: string;
}
