import { newEnforcer, newModelFromString, type Enforcer } from "casbin";
import type { Grant, GrantAction, RowCondition } from "#standards";
import type { Kernel } from "#platform";
import { findGrant, readPolicyVersion } from "./grant-repository.ts";

/**
 * Whether a grant allows something now. A grant is Casbin policy: subject = application or department, object = entry,
 * action, with the grant and its days of validity; Casbin decides, and only an active grant has a policy at all.
 *
 * Decisions are kept in memory: made anew one takes 4-6 ms (a read and Casbin), kept 1-3 µs (bench/authorise, two busy
 * cores, 1,000 grants). They are dropped when a grant changes: at once in the process that changed it, by notification
 * in the others, and since a notification may be missed, the policy version (the newest grant event) is read again once
 * a second.
 */
export interface AuthoriseQuestion {
  grantId: string;
  action: GrantAction;
  /** Who takes: the application of an application's grant, else the department. */
  subject: { organisationId: string; applicationId?: string | undefined };
  at: Date;
}

export type AuthoriseDecision =
  | { allowed: true; grant: Grant; grantId: string; grantVersion: number; entryId: string; fields: readonly string[]; keyFields: readonly string[]; rowCondition?: RowCondition; masks?: Grant["masks"]; validUntil: string }
  /** `unknown` also for a grant of somebody else: its existence is not told. */
  | { allowed: false; reason: "unknown" | "suspended" | "revoked" | "expired" | "not-yet-valid" | "action" };

export interface GrantAuthoriser {
  authorise(question: AuthoriseQuestion): Promise<AuthoriseDecision>;
  /** Drops what is kept about a grant; called after the commit that changed it. */
  forget(grantId: string): void;
  start(): void;
  stop(): void;
}

const model = `
[request_definition]
r = sub, obj, act, grant, day
[policy_definition]
p = sub, obj, act, grant, first, last
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.grant == p.grant && r.sub == p.sub && r.obj == p.obj && r.act == p.act && r.day >= p.first && r.day <= p.last
`;

export const grantChannel = "zhengtong_grants";
const recheckAfterMs = 1_000;
/** Kept decisions; far more than grants in use by one process, and bounded against made-up questions. */
const mostKept = 50_000;

const mostPerGrant = 15;

interface KeptDecision {
  day: number;
  action: GrantAction;
  organisationId: string;
  applicationId?: string | undefined;
  decision: AuthoriseDecision;
}

const subjectOf = (subject: AuthoriseQuestion["subject"]): string => (subject.applicationId === undefined ? `organisation:${subject.organisationId}` : `application:${subject.applicationId}`);
const consumerOf = (grant: Grant): string => subjectOf({ organisationId: grant.consumerOrganisationId, applicationId: grant.applicationId });

export function createGrantAuthoriser({ kernel, monotonicMs = () => performance.now() }: { kernel: Pick<Kernel, "database" | "notifier">; monotonicMs?: () => number }): GrantAuthoriser {
  const kept = new Map<string, KeptDecision[]>();
  let keptCount = 0;
  let version = -1;
  let checkedAt = -Infinity;
  // Rises when anything is dropped: a decision that was being made meanwhile is not kept.
  let epoch = 0;
  let unlisten: (() => void) | undefined;
  let enforcer: Promise<Enforcer> | undefined;

  function forgetAll(): void {
    epoch += 1;
    kept.clear();
    keptCount = 0;
  }

  function forget(grantId: string): void {
    epoch += 1;
    keptCount -= kept.get(grantId)?.length ?? 0;
    kept.delete(grantId);
  }

  async function recheck(): Promise<void> {
    const startedAt = monotonicMs();
    const now = await kernel.database.read(readPolicyVersion);
    if (now !== version) forgetAll();
    version = now;
    checkedAt = startedAt;
  }

  async function decide(question: AuthoriseQuestion, day: string): Promise<AuthoriseDecision> {
    const grant = await kernel.database.read((reader) => findGrant(reader, question.grantId));
    const subject = subjectOf(question.subject);
    if (grant === undefined || subject !== consumerOf(grant)) return { allowed: false, reason: "unknown" };
    // Policies of one grant at a time: among many, Casbin walks through all of them at every question.
    enforcer ??= newEnforcer(newModelFromString(model));
    const casbin = await enforcer;
    casbin.clearPolicy();
    if (grant.state === "active") casbin.getModel().addPolicy("p", "p", [consumerOf(grant), grant.entryId, grant.action, grant.id, grant.validFrom, grant.validUntil]);
    if (casbin.enforceSync(subject, grant.entryId, question.action, grant.id, day)) {
      return {
        allowed: true,
        grant,
        grantId: grant.id,
        grantVersion: grant.version,
        entryId: grant.entryId,
        fields: grant.fields,
        keyFields: grant.keyFields,
        validUntil: grant.validUntil,
        ...(grant.rowCondition === undefined ? {} : { rowCondition: grant.rowCondition }),
        ...(grant.masks === undefined ? {} : { masks: grant.masks }),
      };
    }
    return { allowed: false, reason: whyNot(grant, question.action, day) };
  }

  return {
    forget,
    async authorise(question) {
      if (monotonicMs() - checkedAt > recheckAfterMs) await recheck();
      const dayNumber = Math.floor((question.at.getTime() + 8 * 3_600_000) / 86_400_000);
      const ofGrant = kept.get(question.grantId);
      if (ofGrant !== undefined) for (const one of ofGrant) if (one.day === dayNumber && one.action === question.action && one.organisationId === question.subject.organisationId && one.applicationId === question.subject.applicationId) return one.decision;
      const begun = epoch;
      const decision = await decide(question, new Date(dayNumber * 86_400_000).toISOString().slice(0, 10));
      if (begun === epoch) {
        if (keptCount >= mostKept) forgetAll();
        // A few per grant: its consumer's actions, today; what stands there for another day has had its time.
        const others = (kept.get(question.grantId) ?? []).filter((one) => one.day === dayNumber).slice(-mostPerGrant);
        keptCount += others.length + 1 - (kept.get(question.grantId)?.length ?? 0);
        kept.set(question.grantId, [...others, { day: dayNumber, action: question.action, ...question.subject, decision }]);
      }
      return decision;
    },
    start() {
      unlisten ??= kernel.notifier.listen(grantChannel, (grantId) => (grantId === "" ? forgetAll() : forget(grantId)));
    },
    stop() {
      unlisten?.();
      unlisten = undefined;
      forgetAll();
    },
  };
}

/** For the message only: that it is not allowed, Casbin has said. */
function whyNot(grant: Grant, action: GrantAction, day: string): Extract<AuthoriseDecision, { allowed: false }>["reason"] {
  if (grant.state === "suspended") return "suspended";
  if (grant.state === "revoking" || grant.state === "revoked") return "revoked";
  if (grant.state === "expired" || day > grant.validUntil) return "expired";
  return day < grant.validFrom ? "not-yet-valid" : grant.action !== action ? "action" : "unknown";
}
