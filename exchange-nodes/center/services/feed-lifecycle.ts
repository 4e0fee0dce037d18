import type { Grant } from "#standards";
import { ConflictError, type Actor, type Kernel, type Transaction } from "#platform";
import type { FeedTarget } from "../../protocol/assignments.ts";
import { wireItems } from "../../protocol/copy-text.ts";
import type { ExchangeCatalog, ExchangeEntry } from "../catalog-port.ts";
import type { Effects } from "../effects.ts";
import type { FeedLog } from "../feed-log/feed-log.ts";
import { canChangeFeed, feedTransitions, scopeDigest, type Feed, type FeedChange, type FeedReason } from "../model/feed.ts";
import { findBinding, findOnlyNode, findRoute } from "../repositories/bindings.ts";
import { findFeedByGrant, insertFeed, insertStop, writeFeedPlan, writeFeedState } from "../repositories/feeds.ts";
import { findNode } from "../repositories/nodes.ts";

/**
 * A feed is made from a grant (what may flow), a binding (where it is) and a route (where it goes). All three may
 * change at any time and in any order, so there is one function that looks at them and moves the feed to where it
 * should be; it is called after every change of any of them and does nothing when nothing is to be done.
 */
export interface FeedLifecycle {
  /** Brings the feed of a grant to where grant, binding and route want it. `decidedAt`: when that was decided. */
  reconcile(tx: Transaction, actor: Actor, grantId: string, decidedAt: Date, effects: Effects): Promise<Feed | undefined>;
  /** The only writer of a feed's state. `feed` is updated in place. */
  transition(tx: Transaction, actor: Actor, feed: Feed, change: FeedChange, reason: FeedReason | undefined, effects: Effects): Promise<void>;
  stop(tx: Transaction, actor: Actor, feed: Feed, reason: FeedReason, decidedAt: Date, effects: Effects): Promise<void>;
}

const reasons = {
  binding: { code: "no-binding", message: "The entry is not bound to a source at an enrolled node", zh: "目录条目尚未挂接到已注册节点的数据源" },
  route: { code: "no-route", message: "It is not set where this is delivered to", zh: "尚未确定交付到哪个节点" },
  suspended: { code: "grant-suspended", message: "The grant is suspended", zh: "授权已中止" },
  drift: { code: "source-drift", message: "The source no longer fits the entry", zh: "数据源结构与目录条目不符" },
  entry: { code: "entry-changed", message: "The entry no longer has a granted item", zh: "目录条目不再包含已授权的信息项" },
} satisfies Record<string, FeedReason>;

const endReasons: Partial<Record<Grant["state"], FeedReason>> = {
  revoking: { code: "grant-revoked", message: "The grant was revoked", zh: "授权已撤销" },
  revoked: { code: "grant-revoked", message: "The grant was revoked", zh: "授权已撤销" },
  expired: { code: "grant-expired", message: "The grant has expired", zh: "授权已到期" },
};

/** Pauses that end by themselves when their cause does. */
const passing: readonly string[] = [reasons.suspended.code, reasons.drift.code, reasons.entry.code];

export function createFeedLifecycle({ kernel, catalog, feedLog }: { kernel: Kernel; catalog: ExchangeCatalog; feedLog: FeedLog }): FeedLifecycle {
  const { clock, newId } = kernel;

  const transition: FeedLifecycle["transition"] = async (tx, actor, feed, change, reason, effects) => {
    if (change !== "create" && !canChangeFeed(feed.state, change)) throw new ConflictError(`Feed ${feed.id} is ${feed.state} and cannot ${change}`, { zh: `数据流当前状态不允许该操作`, code: `feed.${change}.state` });
    const from = feed.state;
    const at = clock.now();
    const to = feedTransitions[change].to;
    await writeFeedState(tx, { feedId: feed.id, change, to, at, actorId: actor.id, ...(change === "create" ? {} : { from }), ...(reason === undefined ? {} : { reason }) });
    feed.state = to;
    feed.stateAt = at;
    if (reason === undefined) delete feed.reason;
    else feed.reason = reason;
    touch(feed, effects);
    effects.events.push({ subjectType: "feed", subjectId: feed.id, kind: "feed.changed", organisationId: feed.providerOrganisationId, payload: { feedId: feed.id, grantId: feed.grantId, entryId: feed.entryId, state: to, change, reason: reason?.code ?? null, providerNodeId: feed.providerNodeId ?? null, subscriberNodeId: feed.subscriberNodeId ?? null, consumerOrganisationId: feed.consumerOrganisationId } });
    effects.audits.push({ action: `feed.${change}`, objectType: "feed", objectId: feed.id, detail: { grantId: feed.grantId, state: to, ...(reason === undefined ? {} : { reason: reason.code, ...(reason.sequence === undefined ? {} : { sequence: reason.sequence }) }) } });
  };

  const stop: FeedLifecycle["stop"] = async (tx, actor, feed, reason, decidedAt, effects) => {
    await insertStop(tx, { feedId: feed.id, grantId: feed.grantId, reason: reason.code, decidedAt });
    await transition(tx, actor, feed, "stop", reason, effects);
  };

  async function planOf(tx: Transaction, feed: Feed, grant: Grant, entry: ExchangeEntry): Promise<FeedReason | undefined> {
    const binding = await findBinding(tx, feed.entryId);
    const provider = binding && (await findNode(tx, binding.nodeId));
    if (!binding || provider?.state !== "enrolled") return reasons.binding;
    feed.providerNodeId = binding.nodeId;
    const route = await findRoute(tx, grant);
    if (grant.applicationId !== undefined && (route === undefined || (route.applicationId === undefined && route.grantId === undefined))) {
      feed.delivery = "application";
      return undefined;
    }
    const nodeId = route?.nodeId ?? (await findOnlyNode(tx, grant.consumerOrganisationId));
    const subscriber = nodeId === undefined ? undefined : await findNode(tx, nodeId);
    if (subscriber?.state !== "enrolled") return reasons.route;
    feed.delivery = "node";
    feed.subscriberNodeId = subscriber.id;
    feed.target ??= await chooseTarget(tx, feed, route?.target, entry);
    return undefined;
  }

  return {
    transition,
    stop,

    async reconcile(tx, actor, grantId, decidedAt, effects) {
      const grant = await catalog.findGrant(tx, grantId);
      if (!grant || (grant.deliveryMode !== "feed" && grant.deliveryMode !== "batch")) return undefined;
      let feed = await findFeedByGrant(tx, grantId, "for update");
      if (!feed) {
        if (grant.state !== "active") return undefined;
        feed = newFeed(newId("feed"), grant, clock.now());
        await insertFeed(tx, feed);
        await transition(tx, actor, feed, "create", undefined, effects);
      }
      if (feed.state === "stopping" || feed.state === "stopped") return feed;

      const end = endReasons[grant.state];
      if (end) {
        await stop(tx, actor, feed, end, decidedAt, effects);
        return feed;
      }

      const entry = await catalog.findEntry(tx, grant.entryId);
      const itemsFit = entry !== undefined && fits(grant, entry);
      if (feed.grantVersion !== grant.version) {
        const digest = scopeDigest(grant);
        if (digest !== feed.scopeDigest) {
          // What was delivered had another scope: everything is delivered again, into a table of the new shape.
          feed.scopeDigest = digest;
          feed.scopeVersion = grant.version;
          feed.generation += 1;
        }
        feed.grantVersion = grant.version;
        await writeFeedPlan(tx, feed);
        touch(feed, effects);
      }

      if (feed.state === "provisioning") {
        const missing = grant.state === "suspended" ? reasons.suspended : !itemsFit ? reasons.entry : await planOf(tx, feed, grant, entry);
        if (missing) {
          if (feed.reason?.code !== missing.code) await writeFeedPlan(tx, { ...feed, reason: missing });
          feed.reason = missing;
          return feed;
        }
        await writeFeedPlan(tx, feed);
        // Before the commit: a log that is open for a feed that does not flow takes nothing, as the gateway refuses.
        await feedLog.open(feed.id);
        await transition(tx, actor, feed, "provision", undefined, effects);
      }

      const binding = await findBinding(tx, feed.entryId);
      if (binding && binding.nodeId !== feed.providerNodeId) {
        // Bound anew elsewhere: another key signs from now on, and positions mean something else there.
        touch(feed, effects);
        if (feed.providerNodeId !== undefined) feed.formerProviderNodeIds = [...feed.formerProviderNodeIds.filter((id) => id !== binding.nodeId), feed.providerNodeId];
        feed.providerNodeId = binding.nodeId;
        feed.generation += 1;
        await writeFeedPlan(tx, feed);
        touch(feed, effects);
      }
      const drifted = binding?.state === "drifted" && binding.drift.some((finding) => finding.breaking && (finding.field === "" || grant.fields.includes(finding.field)));
      const hold = grant.state === "suspended" ? reasons.suspended : !itemsFit ? reasons.entry : drifted ? reasons.drift : undefined;
      if (hold && feed.state === "flowing") await transition(tx, actor, feed, "pause", hold, effects);
      else if (!hold && feed.state === "paused" && passing.includes(feed.reason?.code ?? "")) await transition(tx, actor, feed, "resume", undefined, effects);
      return feed;
    },
  };
}

function touch(feed: Feed, effects: Effects): void {
  effects.feedIds.add(feed.id);
  for (const nodeId of [feed.providerNodeId, feed.subscriberNodeId]) if (nodeId !== undefined) effects.nodeIds.add(nodeId);
}

function fits(grant: Grant, entry: ExchangeEntry): boolean {
  const fields = new Set(entry.items.map((item) => item.field));
  return [...grant.keyFields, ...grant.fields].every((field) => fields.has(field)) && wireItems(grant, entry.items).length > 0;
}

function newFeed(id: string, grant: Grant, at: Date): Feed {
  return {
    id,
    grantId: grant.id,
    grantVersion: grant.version,
    scopeVersion: grant.version,
    scopeDigest: scopeDigest(grant),
    entryId: grant.entryId,
    providerOrganisationId: grant.providerOrganisationId,
    consumerOrganisationId: grant.consumerOrganisationId,
    mode: grant.deliveryMode as Feed["mode"],
    formerProviderNodeIds: [],
    generation: 1,
    state: "provisioning",
    stateAt: at,
    createdAt: at,
    limits: {},
    appliedSequence: 0,
    accountedSequence: 0,
    rowsSent: 0,
    deletesSent: 0,
    bytesSent: 0,
    ...(grant.applicationId === undefined ? {} : { applicationId: grant.applicationId }),
  };
}

/** The route's table, or one named after the entry's code; never one that another feed writes. */
async function chooseTarget(tx: Transaction, feed: Feed, wanted: (Omit<FeedTarget, "table"> & { table?: string }) | undefined, entry: ExchangeEntry): Promise<FeedTarget> {
  const base = wanted ?? { name: "default", schema: "landing", trackChanges: true };
  const named = wanted?.table ?? `e_${entry.code.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_").replaceAll(/^_+|_+$/g, "")}`.slice(0, 40);
  const { rows } = await tx.query<{ taken: boolean }>("select exists (select from exchange.feed where id <> $1 and subscriber_node_id = $2 and target ->> 'name' = $3 and target ->> 'schema' = $4 and target ->> 'table' = $5 and state <> 'stopped') as taken", [feed.id, feed.subscriberNodeId, base.name, base.schema, named]);
  const table = rows[0]!.taken ? `${named}_${feed.grantId.replaceAll(/[^a-z0-9]/gi, "").slice(-8).toLowerCase()}` : named;
  return { name: base.name, schema: base.schema, table, trackChanges: base.trackChanges, ...(base.indexes === undefined ? {} : { indexes: base.indexes }) };
}
