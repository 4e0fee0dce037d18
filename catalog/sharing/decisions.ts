import { ConflictError, type Kernel } from "#platform";
import type { Entry } from "../model/types.ts";
import { localDay } from "./deadline-model.ts";
import type { DeadlineService } from "./deadlines.ts";
import type { GrantIssuer } from "./grants.ts";
import { narrow, type Scope } from "./grant-model.ts";
import { checkIntake, keyFieldsOf, narrowingCheck, type IntakeLimits } from "./intake.ts";
import type { Decision, Narrowing, Opinion, Request } from "./request-model.ts";
import { transition, type Work } from "./work.ts";

/**
 * How requests end: by rule or by the opinions of those who review. A grant is issued in the transaction of the
 * decision, so that none exists without the other; the clocks turn over with it.
 */
export interface Decisions {
  /** Unconditional: 1 working day; conditional: 10 (政务数据共享条例 art. 21). */
  openReplyClock(work: Work, request: Request): Promise<void>;
  refuseAtIntake(work: Work, request: Request, entry: Entry): Promise<Request>;
  agreeByRule(work: Work, request: Request, entry: Entry): Promise<Request>;
  agree(work: Work, request: Request, entry: Entry, options: { opinions: readonly Opinion[]; narrowing?: Narrowing | undefined; reason?: string | undefined }): Promise<Request>;
  refuse(work: Work, request: Request, options: { opinions: readonly Opinion[]; reason: string; legalBasis: string; part: string }): Promise<Request>;
  /** The scope that the request asks for, narrowed. @throws InputError where the narrowing does not fit */
  scopeOf(request: Request, entry: Entry, narrowing: Narrowing | undefined): Scope;
}

export interface CreateDecisionsOptions {
  kernel: Kernel;
  deadlines: DeadlineService;
  grants: GrantIssuer;
  limits: IntakeLimits;
}

export function createDecisions({ kernel, deadlines, grants, limits }: CreateDecisionsOptions): Decisions {
  const today = () => localDay(kernel.clock.now());

  function scopeOf(request: Request, entry: Entry, narrowing: Narrowing | undefined): Scope {
    const { content } = request;
    const asked: Scope = {
      fields: content.fields!,
      keyFields: keyFieldsOf(entry),
      validFrom: content.validFrom !== undefined && content.validFrom > today() ? content.validFrom : today(),
      validUntil: content.validUntil!,
      ...(content.rowCondition === undefined ? {} : { rowCondition: content.rowCondition }),
      ...(content.masks === undefined ? {} : { masks: content.masks }),
    };
    if (narrowing === undefined) return asked;
    return narrow(asked, narrowing, { agreedFields: asked.fields, latest: asked.validUntil }, narrowingCheck(kernel.validator, entry));
  }

  /** The entry may have changed since the request came in: nothing is granted that it does not offer now. */
  function assertStillFits(request: Request, entry: Entry): void {
    const issues = checkIntake({ content: request.content, entry, today: today(), limits, validator: kernel.validator });
    if (entry.state === "published" && entry.content.sharingType !== "refused" && entry.organisationId === request.providerOrganisationId && issues.length === 0) return;
    throw new ConflictError(`Request ${request.number} no longer fits its entry (${entry.state}, version ${entry.version})`, { zh: "目录条目已变更，申请与现行目录不符", code: "request.entry-moved", issues, nextStep: "Return it for material, or refuse it with the legal basis." });
  }

  async function conclude(work: Work, request: Request, entry: Entry, { opinions, narrowing, decision, byRule }: { opinions: readonly Opinion[]; narrowing?: Narrowing | undefined; decision: Decision; byRule: boolean }): Promise<Request> {
    assertStillFits(request, entry);
    const scope = scopeOf(request, entry, narrowing);
    const grant = await grants.issue(work, request, entry.version, scope);
    await deadlines.close(work.tx, "request", request.id, "reply", "answered");
    const agreed = await transition(work, request, byRule ? "agree-by-rule" : "agree", {
      opinions,
      byRule: true,
      reason: decision.reason,
      detail: { grantId: grant.id, ...(decision.rule === undefined ? {} : { rule: decision.rule }), ...(narrowing === undefined ? {} : { narrowed: true }) },
      changes: { decision: { ...decision, grantId: grant.id }, decidedAt: work.at, overdue: false },
    });
    await deadlines.open(work.tx, { subjectType: "request", subjectId: request.id, kind: "provision", clock: "provide" });
    return agreed;
  }

  return {
    scopeOf,

    async openReplyClock({ tx }, request) {
      await deadlines.close(tx, "request", request.id, "reply", "cancelled");
      await deadlines.open(tx, { subjectType: "request", subjectId: request.id, kind: "reply", clock: request.sharingType === "unconditional" ? "reply-unconditional" : "reply-conditional" });
    },

    async refuseAtIntake(work, request, entry) {
      const legalBasis = entry.content.refusalBasis ?? "";
      const decision: Decision = { outcome: "refused", rule: "refused-kind", legalBasis, reason: "The entry is listed as not shared (政务数据共享条例 art. 15)", zh: "该目录条目属于不予共享类(《政务数据共享条例》第十五条)" };
      return transition(work, request, "refuse-at-intake", { opinions: [], byRule: true, reason: decision.reason, detail: { rule: "refused-kind" }, changes: { decision, decidedAt: work.at } });
    },

    agreeByRule(work, request, entry) {
      const ownData = request.consumerOrganisationId === request.providerOrganisationId;
      const decision: Decision = ownData
        ? { outcome: "agreed", rule: "own-data", reason: "A department's own data need nobody else's consent", zh: "本部门数据，无须其他部门同意" }
        : { outcome: "agreed", rule: "unconditional", reason: "The entry is listed as shared without condition (政务数据共享条例 art. 15 and 21)", zh: "该目录条目属于无条件共享类(《政务数据共享条例》第十五条、第二十一条)" };
      return conclude(work, request, entry, { opinions: [], decision, byRule: true });
    },

    agree: (work, request, entry, { opinions, narrowing, reason }) =>
      conclude(work, request, entry, { opinions, narrowing, decision: { outcome: "agreed", ...(reason === undefined ? {} : { reason }), ...(narrowing === undefined ? {} : { narrowing }) }, byRule: false }),

    async refuse(work, request, { opinions, reason, legalBasis, part }) {
      await deadlines.close(work.tx, "request", request.id, "reply", "answered");
      return transition(work, request, "refuse", { opinions, byRule: true, reason, detail: { part, legalBasis }, changes: { decision: { outcome: "refused", reason, legalBasis }, decidedAt: work.at, overdue: false } });
    },
  };
}
