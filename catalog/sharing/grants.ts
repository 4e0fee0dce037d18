import { ConflictError, NotAllowedError, NotFoundError, systemActor, type Actor, type Kernel, type Reader, type Transaction } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import { grantChannel, type AuthoriseDecision, type AuthoriseQuestion, type GrantAuthoriser } from "./authorise.ts";
import { addDays, localDay } from "./deadline-model.ts";
import type { DeadlineService } from "./deadlines.ts";
import { actionOfDeliveryMode, canChangeGrant, grantSubject, grantTransitions, narrow, stopParties, type Grant, type GrantChange, type GrantFilter, type GrantVersion, type Scope, type StopConfirmation, type StopParty } from "./grant-model.ts";
import { findGrant, insertGrant, insertGrantVersion, insertStop, listGrantVersions, listStops, lockExpiredGrants, selectGrants, updateGrant, type ListGrantsOptions } from "./grant-repository.ts";
import { narrowingCheck, type IntakeLimits } from "./intake.ts";
import { canTransition, type Narrowing, type Request } from "./request-model.ts";
import { findRequest } from "./request-repository.ts";
import { assertReason } from "../model/reason.ts";
import { listAccess } from "./rows.ts";
import { runWork, transition, type SharingSources, type Work } from "./work.ts";

/** 授权: what an agreed request allows. Exchange reads them in its own transactions and enforces them row by row. */
export interface GrantService {
  /** For the exchange, which acts on every grant; callers with a person behind them use `view`. */
  getGrant(reader: Reader, grantId: string): Promise<Grant>;
  listGrants(reader: Reader, filter: Omit<ListGrantsOptions, "access">): Promise<Grant[]>;
  /** The decision of Casbin; fields, condition and masks come with it. Kept in memory, 1-3 µs (see authorise.ts). */
  authorise(question: AuthoriseQuestion): Promise<AuthoriseDecision>;

  view(actor: Actor, grantId: string): Promise<GrantDetail>;
  /** In the order of `ids`; undefined where there is none that the caller may see. */
  getMany(actor: Actor, ids: readonly string[]): Promise<(Grant | undefined)[]>;
  list(actor: Actor, filter: GrantFilter, page: PageRequest): Promise<Page<Grant>>;
  /** Less fields or rows, more masks, another end; fields may come back up to what was agreed to. Raises the version. */
  change(actor: Actor, grantId: string, input: { narrowing: Narrowing; reason: string }): Promise<Grant>;
  suspend(actor: Actor, grantId: string, reason: string): Promise<Grant>;
  /** A suspension by the city data office is lifted by it alone. */
  resume(actor: Actor, grantId: string, reason: string): Promise<Grant>;
  /** The flow is refused from now on; `revoked` when gateway, provider and subscriber have confirmed that it stopped. */
  revoke(actor: Actor, grantId: string, reason: string): Promise<Grant>;
  /** The consumer's purpose is done (art. 27): as `revoke`, from its side. */
  giveUp(actor: Actor, grantId: string, reason: string): Promise<Grant>;
  /** Idempotent. A node confirms for its own department, the platform for all. */
  confirmStopped(actor: Actor, grantId: string, party: StopParty): Promise<Grant>;
  /** Ends what is past its last day; returns how many. */
  expire(): Promise<number>;
  /** The entry behind grants was suspended, resumed or withdrawn. */
  followEntry(tx: Transaction, entryId: string, what: "suspended" | "resumed" | "withdrawn"): Promise<void>;
  /** The exchange has opened the flow of a grant: its request counts as provided for. */
  followProvision(tx: Transaction, grantId: string): Promise<void>;
}

export interface GrantDetail {
  grant: Grant;
  versions: GrantVersion[];
  stops: StopConfirmation[];
  /** What the caller could do now. */
  actions: ("change" | "suspend" | "resume" | "revoke" | "give-up")[];
}

export interface GrantIssuer {
  /** In the transaction of the decision. */
  issue(work: Work, request: Request, entryVersion: string, scope: Scope): Promise<Grant>;
}

export interface CreateGrantsOptions {
  kernel: Kernel;
  sources: SharingSources;
  deadlines: DeadlineService;
  authoriser: GrantAuthoriser;
  limits: IntakeLimits;
}

const me = systemActor("sharing-grants");
const batchSize = 200;
export const grantNotFound = (id: string) => new NotFoundError(`No grant ${id} that you may see`, { zh: "授权不存在或无权查看", code: "grant.not-found" });

export function createGrants({ kernel, sources, deadlines, authoriser, limits }: CreateGrantsOptions): GrantService & GrantIssuer {
  const { access, database } = kernel;

  /** The only writer of a grant after its issue. */
  async function write(work: Work, grant: Grant, change: GrantChange, { reason, changes = {} }: { reason?: string; changes?: Partial<Grant> } = {}): Promise<Grant> {
    if (!canChangeGrant(grant.state, change)) {
      throw new ConflictError(`Grant ${grant.id} is ${grant.state}; ${change} is not possible there`, { zh: "授权当前状态不能执行该操作", code: `grant.${change}.state`, nextStep: "Read the grant again." });
    }
    const next: Grant = { ...grant, ...changes, version: grant.version + 1, state: grantTransitions[change].to ?? grant.state };
    await updateGrant(work.tx, next);
    await record(work, next, change, reason);
    if (next.state === "revoked" || next.state === "expired") await endRequest(work, next);
    return next;
  }

  async function record(work: Work, grant: Grant, change: GrantChange, reason: string | undefined): Promise<void> {
    await insertGrantVersion(work.tx, { version: grant.version, change, grant, actorId: work.actor.id, at: work.at, ...(reason === undefined ? {} : { reason }), ...(work.actor.organisationId === undefined ? {} : { actorOrganisationId: work.actor.organisationId }) });
    work.events.push({ subjectType: "grant", subjectId: grant.id, kind: grantTransitions[change].event, organisationId: grant.providerOrganisationId, payload: { grantId: grant.id, version: grant.version, entryId: grant.entryId, consumerOrganisationId: grant.consumerOrganisationId, providerOrganisationId: grant.providerOrganisationId } });
    work.audits.push({ action: `grant.${change}`, objectType: "grant", objectId: grant.id, detail: { version: grant.version, state: grant.state, fields: grant.fields.length, validUntil: grant.validUntil } });
    await work.tx.query("select pg_notify($1, $2)", [grantChannel, grant.id]);
    work.tx.afterCommit(() => authoriser.forget(grant.id));
  }

  async function endRequest(work: Work, grant: Grant): Promise<void> {
    const request = await findRequest(work.tx, grant.requestId, "for update");
    if (request === undefined || !canTransition(request.state, "end")) return;
    await deadlines.close(work.tx, "request", request.id, "provision", "cancelled");
    await transition(work, request, "end", { opinions: [], byRule: true, detail: { grantId: grant.id, grantState: grant.state }, changes: { overdue: false } });
  }

  async function getSeen(reader: Reader, actor: Actor, grantId: string, lock: "" | "for update" = ""): Promise<Grant> {
    const grant = await findGrant(reader, grantId, lock);
    if (grant === undefined || !access.allows(actor, "grant", "see", grantSubject(grant))) throw grantNotFound(grantId);
    return grant;
  }

  async function act(actor: Actor, grantId: string, action: string, run: (work: Work, grant: Grant) => Promise<Grant>): Promise<Grant> {
    return runWork(kernel, actor, async (work) => {
      const grant = await getSeen(work.tx, actor, grantId, "for update");
      access.assert(actor, "grant", action, grantSubject(grant));
      return run(work, grant);
    });
  }

  /** Whose suspension it is: undefined for the platform's own. */
  async function suspendedBy(reader: Reader, grantId: string): Promise<GrantVersion | undefined> {
    return (await listGrantVersions(reader, grantId)).findLast((version) => version.change === "suspend");
  }

  return {
    authorise: authoriser.authorise,

    async getGrant(reader, grantId) {
      const grant = await findGrant(reader, grantId);
      if (grant === undefined) throw grantNotFound(grantId);
      return grant;
    },

    listGrants: (reader, filter) => selectGrants(reader, filter),

    async issue(work, request, entryVersion, scope) {
      const { content } = request;
      const grant: Grant = {
        ...scope,
        id: kernel.newId("grant"),
        version: 1,
        requestId: request.id,
        entryId: request.entryId,
        entryVersion,
        providerOrganisationId: request.providerOrganisationId,
        consumerOrganisationId: request.consumerOrganisationId,
        legalBasis: content.legalBasis!,
        purpose: content.purpose!,
        action: actionOfDeliveryMode[content.deliveryMode!],
        deliveryMode: content.deliveryMode!,
        state: "active",
        issuedAt: work.at.toISOString(),
        ...(content.applicationId === undefined ? {} : { applicationId: content.applicationId }),
      };
      kernel.validator.assertValid("grant", grant, { en: "The grant", zh: "授权" });
      await insertGrant(work.tx, grant);
      await record(work, grant, "issue", undefined);
      return grant;
    },

    view: (actor, grantId) =>
      database.read(async (reader) => {
        const grant = await getSeen(reader, actor, grantId);
        const may = (action: string, change: GrantChange) => actor.kind !== "system" && canChangeGrant(grant.state, change) && access.allows(actor, "grant", action, grantSubject(grant));
        const actions: GrantDetail["actions"] = [];
        if (may("change", "change")) actions.push("change");
        if (may("suspend", "suspend")) actions.push("suspend");
        if (may("resume", "resume") && mayResume(actor, grant, await suspendedBy(reader, grantId))) actions.push("resume");
        if (may("revoke", "revoke")) actions.push("revoke");
        if (may("give-up", "revoke")) actions.push("give-up");
        return { grant, versions: await listGrantVersions(reader, grantId), stops: await listStops(reader, grantId), actions };
      }),

    async getMany(actor, ids) {
      const found = new Map((await database.read((reader) => selectGrants(reader, { ids, access: listAccess(access, actor, "grant") }))).map((grant) => [grant.id, grant]));
      return ids.map((id) => found.get(id));
    },

    async list(actor, filter, page) {
      checkPageSize(page.first);
      const after = page.after === undefined ? undefined : String(decodeCursor(page.after, 1)[0]);
      const rows = await database.read((reader) => selectGrants(reader, { ...filter, access: listAccess(access, actor, "grant"), limit: page.first + 1, ...(after === undefined ? {} : { afterId: after }) }));
      return toPage(rows, page.first, (grant) => encodeCursor([grant.id]));
    },

    async change(actor, grantId, { narrowing, reason }) {
      assertReason(reason);
      return act(actor, grantId, "change", async (work, grant) => {
        const entry = (await sources.findEntry(work.tx, grant.entryId))!;
        const issued = (await listGrantVersions(work.tx, grantId))[0]!.grant;
        const scope = narrow(grant, narrowing, { agreedFields: issued.fields, latest: addDays(localDay(work.at), limits.longestValidityDays) }, narrowingCheck(kernel.validator, entry));
        const { rowCondition, masks, fields, validUntil } = scope;
        return write(work, grant, "change", { reason, changes: { fields, validUntil, ...(rowCondition === undefined ? {} : { rowCondition }), masks } });
      });
    },

    async suspend(actor, grantId, reason) {
      assertReason(reason);
      return act(actor, grantId, "suspend", (work, grant) => write(work, grant, "suspend", { reason }));
    },

    async resume(actor, grantId, reason) {
      assertReason(reason);
      return act(actor, grantId, "resume", async (work, grant) => {
        if (!mayResume(actor, grant, await suspendedBy(work.tx, grantId))) throw new NotAllowedError("Who suspended it must lift the suspension", { zh: "须由作出暂停决定的一方恢复", code: "grant.resume.not-allowed" });
        return write(work, grant, "resume", { reason });
      });
    },

    async revoke(actor, grantId, reason) {
      assertReason(reason);
      return act(actor, grantId, "revoke", (work, grant) => write(work, grant, "revoke", { reason, changes: { revocationReason: reason } }));
    },

    async giveUp(actor, grantId, reason) {
      assertReason(reason);
      return act(actor, grantId, "give-up", (work, grant) => write(work, grant, "revoke", { reason, changes: { revocationReason: reason } }));
    },

    confirmStopped: (actor, grantId, party) =>
      act(actor, grantId, "confirm-stopped", async (work, grant) => {
        const own = (party === "provider" && actor.organisationId === grant.providerOrganisationId) || (party === "subscriber" && actor.organisationId === grant.consumerOrganisationId);
        if (actor.kind !== "system" && !own) throw new NotAllowedError(`You do not confirm for the ${party} of grant ${grantId}`, { zh: "不得代其他方确认停止", code: "grant.confirm-stopped.not-allowed" });
        if (grant.state === "revoked") return grant;
        if (grant.state !== "revoking") throw new ConflictError(`Grant ${grantId} is ${grant.state}, not being revoked`, { zh: "授权未在撤销中", code: "grant.confirm-stopped.state" });
        await insertStop(work.tx, { grantId, party, at: work.at, actorId: actor.id });
        const stopped = new Set((await listStops(work.tx, grantId)).map((stop) => stop.party));
        if (!stopParties.every((each) => stopped.has(each))) {
          work.audits.push({ action: "grant.confirm-stopped", objectType: "grant", objectId: grantId, detail: { party } });
          return grant;
        }
        return write(work, grant, "all-stopped", { changes: { revokedAt: work.at.toISOString() } });
      }),

    async expire() {
      let total = 0;
      for (;;) {
        const count = await runWork(kernel, me, async (work) => {
          const expired = await lockExpiredGrants(work.tx, localDay(work.at), batchSize);
          for (const grant of expired) await write(work, grant, "expire");
          return expired.length;
        });
        total += count;
        if (count < batchSize) return total;
      }
    },

    followEntry: (tx, entryId, what) =>
      ownWork(tx, async (work) => {
        for (const found of await selectGrants(tx, { entryId, states: ["active", "suspended"] })) {
          const grant = (await findGrant(tx, found.id, "for update"))!;
          const reason = `entry ${what}`;
          if (what === "withdrawn" && canChangeGrant(grant.state, "revoke")) await write(work, grant, "revoke", { reason, changes: { revocationReason: reason } });
          if (what === "suspended" && canChangeGrant(grant.state, "suspend")) await write(work, grant, "suspend", { reason });
          // Only what followed the entry down follows it up.
          if (what === "resumed" && canChangeGrant(grant.state, "resume") && (await suspendedBy(tx, grant.id))?.actorId === me.id) await write(work, grant, "resume", { reason });
        }
      }),

    followProvision: (tx, grantId) =>
      ownWork(tx, async (work) => {
        const grant = await findGrant(tx, grantId);
        const request = grant && (await findRequest(tx, grant.requestId, "for update"));
        if (request === undefined || !canTransition(request.state, "confirm-provision")) return;
        await deadlines.close(tx, "request", request.id, "provision", "answered");
        await transition(work, request, "confirm-provision", { opinions: [], byRule: true, detail: { grantId }, changes: { overdue: false } });
      }),
  };

  /** A step of the platform's own in the transaction that reads the event it follows. */
  async function ownWork(tx: Transaction, run: (work: Work) => Promise<void>): Promise<void> {
    const work: Work = { tx, actor: me, at: kernel.clock.now(), events: [], audits: [] };
    await run(work);
    await kernel.eventLog.append(tx, me, work.events);
    for (const audit of work.audits) await kernel.audit.record(tx, me, audit);
  }
}

function mayResume(actor: Actor, grant: Grant, suspension: GrantVersion | undefined): boolean {
  if (actor.kind === "system" || actor.roles.includes("city-reviewer")) return true;
  return suspension?.actorOrganisationId === grant.providerOrganisationId && actor.organisationId === grant.providerOrganisationId;
}
