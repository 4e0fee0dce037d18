import type { Reader, SqlCondition, Transaction } from "#platform";
import type { FeedFork, FeedHealth, FeedTarget } from "../../protocol/assignments.ts";
import type { Feed, FeedChange, FeedReason, FeedState, FeedStop, StopParty } from "../model/feed.ts";

interface FeedRow extends Record<string, unknown> {
  id: string;
  grant_id: string;
  grant_version: number;
  scope_version: number;
  scope_digest: string;
  entry_id: string;
  provider_organisation_id: string;
  consumer_organisation_id: string;
  application_id: string | null;
  mode: Feed["mode"];
  delivery: NonNullable<Feed["delivery"]> | null;
  provider_node_id: string | null;
  former_provider_node_ids: string[];
  subscriber_node_id: string | null;
  target: FeedTarget | null;
  generation: number;
  state: FeedState;
  reason: FeedReason | null;
  state_at: Date;
  created_at: Date;
  limits: Feed["limits"];
  applied_sequence: number;
  applied_at: Date | null;
  accounted_sequence: number;
  rows_sent: number;
  deletes_sent: number;
  bytes_sent: number;
  last_batch_at: Date | null;
  log_dropped_at: Date | null;
  fork: FeedFork | null;
  provider_health: FeedHealth | null;
  subscriber_health: FeedHealth | null;
}

const columns =
  "id, grant_id, grant_version, scope_version, scope_digest, entry_id, provider_organisation_id, consumer_organisation_id, application_id, mode, delivery, provider_node_id, former_provider_node_ids, subscriber_node_id, target, generation, state, reason, state_at, created_at, limits, applied_sequence, applied_at, accounted_sequence, rows_sent, deletes_sent, bytes_sent, last_batch_at, log_dropped_at, fork, provider_health, subscriber_health";

/** Leaves out what is null. */
function present<T extends object>(value: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null && member !== undefined)) as { [Key in keyof T]?: NonNullable<T[Key]> };
}

const toFeed = (row: FeedRow): Feed => ({
  id: row.id,
  grantId: row.grant_id,
  grantVersion: row.grant_version,
  scopeVersion: row.scope_version,
  scopeDigest: row.scope_digest,
  entryId: row.entry_id,
  providerOrganisationId: row.provider_organisation_id,
  consumerOrganisationId: row.consumer_organisation_id,
  mode: row.mode,
  formerProviderNodeIds: row.former_provider_node_ids,
  generation: row.generation,
  state: row.state,
  stateAt: row.state_at,
  createdAt: row.created_at,
  limits: row.limits,
  appliedSequence: row.applied_sequence,
  accountedSequence: row.accounted_sequence,
  rowsSent: row.rows_sent,
  deletesSent: row.deletes_sent,
  bytesSent: row.bytes_sent,
  ...present({
    applicationId: row.application_id,
    delivery: row.delivery,
    providerNodeId: row.provider_node_id,
    subscriberNodeId: row.subscriber_node_id,
    target: row.target,
    reason: row.reason,
    appliedAt: row.applied_at,
    lastBatchAt: row.last_batch_at,
    logDroppedAt: row.log_dropped_at,
    fork: row.fork,
    providerHealth: row.provider_health,
    subscriberHealth: row.subscriber_health,
  }),
});

const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));

export async function insertFeed(tx: Transaction, feed: Feed): Promise<void> {
  await tx.query(
    `insert into exchange.feed (id, grant_id, grant_version, scope_version, scope_digest, entry_id, provider_organisation_id, consumer_organisation_id, application_id, mode, generation, state, state_at, created_at, limits)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [feed.id, feed.grantId, feed.grantVersion, feed.scopeVersion, feed.scopeDigest, feed.entryId, feed.providerOrganisationId, feed.consumerOrganisationId, feed.applicationId ?? null, feed.mode, feed.generation, feed.state, feed.stateAt, feed.createdAt, json(feed.limits)],
  );
}

export async function findFeed(reader: Reader, feedId: string, lock: "" | "for update" = ""): Promise<Feed | undefined> {
  const { rows } = await reader.query<FeedRow>(`select ${columns} from exchange.feed where id = $1 ${lock}`, [feedId]);
  return rows[0] && toFeed(rows[0]);
}

export async function findFeedByGrant(reader: Reader, grantId: string, lock: "" | "for update" = ""): Promise<Feed | undefined> {
  const { rows } = await reader.query<FeedRow>(`select ${columns} from exchange.feed where grant_id = $1 ${lock}`, [grantId]);
  return rows[0] && toFeed(rows[0]);
}

export interface FeedFilter {
  states?: readonly FeedState[];
  entryId?: string;
  nodeId?: string;
  grantId?: string;
  feedIds?: readonly string[];
}

export async function listFeeds(reader: Reader, condition: SqlCondition, filter: FeedFilter, page: { after?: [string, string]; limit: number }): Promise<Feed[]> {
  const { rows } = await reader.query<FeedRow>(
    `select ${columns} from exchange.feed
     where ($1::text[] is null or state = any($1)) and ($2::text is null or entry_id = $2) and ($3::text is null or provider_node_id = $3 or subscriber_node_id = $3)
       and ($4::text is null or grant_id = $4) and ($5::timestamptz is null or (created_at, id) > ($5, $6)) and ($8::text[] is null or id = any($8)) and ${condition.text}
     order by created_at, id limit $7`,
    [filter.states ?? null, filter.entryId ?? null, filter.nodeId ?? null, filter.grantId ?? null, page.after?.[0] ?? null, page.after?.[1] ?? null, page.limit, filter.feedIds ?? null, ...condition.values],
  );
  return rows.map(toFeed);
}

/** Feeds that a node has a part in and that are not over. */
export async function listFeedsOfNode(reader: Reader, nodeId: string): Promise<Feed[]> {
  const { rows } = await reader.query<FeedRow>(`select ${columns} from exchange.feed where (provider_node_id = $1 or subscriber_node_id = $1) and state in ('flowing', 'paused', 'failed', 'stopping') order by created_at, id`, [nodeId]);
  return rows.map(toFeed);
}

export async function listFeedsOfEntry(tx: Transaction, entryId: string): Promise<Feed[]> {
  const { rows } = await tx.query<FeedRow>(`select ${columns} from exchange.feed where entry_id = $1 and state <> 'stopped' order by id for update`, [entryId]);
  return rows.map(toFeed);
}

/** False when somebody else was first. */
export async function writeLogDropped(tx: Transaction, feedId: string, at: Date): Promise<boolean> {
  const { rowCount } = await tx.query("update exchange.feed set log_dropped_at = $2 where id = $1 and log_dropped_at is null", [feedId, at]);
  return rowCount > 0;
}

/** Everything about a feed that is decided and not counted, but its state. */
export async function writeFeedPlan(tx: Transaction, feed: Feed): Promise<void> {
  await tx.query(
    `update exchange.feed set grant_version = $2, scope_version = $3, scope_digest = $4, application_id = $5, delivery = $6, provider_node_id = $7, subscriber_node_id = $8, target = $9, generation = $10, reason = $11, limits = $12, former_provider_node_ids = $13 where id = $1`,
    [feed.id, feed.grantVersion, feed.scopeVersion, feed.scopeDigest, feed.applicationId ?? null, feed.delivery ?? null, feed.providerNodeId ?? null, feed.subscriberNodeId ?? null, json(feed.target), feed.generation, json(feed.reason), json(feed.limits), feed.formerProviderNodeIds],
  );
}

/** Writes a feed's state and the record of how it came to it. */
export async function writeFeedState(tx: Transaction, change: { feedId: string; change: FeedChange; from?: FeedState; to: FeedState; at: Date; actorId: string; reason?: FeedReason }): Promise<void> {
  await tx.query("update exchange.feed set state = $2, reason = $3, state_at = $4 where id = $1", [change.feedId, change.to, json(change.reason), change.at]);
  await tx.query("insert into exchange.feed_transition (feed_id, change, from_state, to_state, at, actor_id, reason) values ($1, $2, $3, $4, $5, $6, $7)", [change.feedId, change.change, change.from ?? null, change.to, change.at, change.actorId, json(change.reason)]);
}

export interface FeedTransitionRecord {
  change: FeedChange;
  from?: FeedState;
  to: FeedState;
  at: Date;
  actorId: string;
  reason?: FeedReason;
}

export async function listFeedTransitions(reader: Reader, feedId: string): Promise<FeedTransitionRecord[]> {
  const { rows } = await reader.query<{ change: FeedChange; from_state: FeedState | null; to_state: FeedState; at: Date; actor_id: string; reason: FeedReason | null }>("select change, from_state, to_state, at, actor_id, reason from exchange.feed_transition where feed_id = $1 order by id", [feedId]);
  return rows.map((row) => ({ change: row.change, to: row.to_state, at: row.at, actorId: row.actor_id, ...(row.from_state === null ? {} : { from: row.from_state }), ...(row.reason === null ? {} : { reason: row.reason }) }));
}

export async function writeFeedHealth(tx: Transaction, nodeId: string, health: readonly FeedHealth[]): Promise<void> {
  for (const role of ["provider", "subscriber"] as const) {
    const ofRole = health.filter((feed) => feed.role === role);
    if (ofRole.length === 0) continue;
    const applied = role === "subscriber" ? ", applied_sequence = greatest(f.applied_sequence, (h.health ->> 'sequence')::bigint)" : "";
    await tx.query(`update exchange.feed f set ${role}_health = h.health${applied} from unnest($1::text[], $2::jsonb[]) as h(feed_id, health) where f.id = h.feed_id and f.${role}_node_id = $3`, [ofRole.map((feed) => feed.feedId), ofRole.map((feed) => JSON.stringify(feed)), nodeId]);
  }
}

/** What a subscriber says it has applied never goes back. */
export async function writeApplied(tx: Transaction, feedId: string, sequence: number, at: Date): Promise<void> {
  await tx.query({ name: "feed_applied", text: "update exchange.feed set applied_sequence = $2, applied_at = $3 where id = $1 and applied_sequence < $2", values: [feedId, sequence, at] });
}

interface StopRow extends Record<string, unknown> {
  feed_id: string;
  grant_id: string;
  reason: string;
  decided_at: Date;
  gateway_at: Date | null;
  provider_at: Date | null;
  subscriber_at: Date | null;
  last_batch_at: Date | null;
  last_row_at: Date | null;
  stopped_at: Date | null;
  announced: StopParty[];
}

const toStop = (row: StopRow): FeedStop => ({
  feedId: row.feed_id,
  grantId: row.grant_id,
  reason: row.reason,
  decidedAt: row.decided_at,
  announced: row.announced,
  ...present({ gatewayAt: row.gateway_at, providerAt: row.provider_at, subscriberAt: row.subscriber_at, lastBatchAt: row.last_batch_at, lastRowAt: row.last_row_at, stoppedAt: row.stopped_at }),
});

export async function insertStop(tx: Transaction, stop: { feedId: string; grantId: string; reason: string; decidedAt: Date }): Promise<void> {
  await tx.query("insert into exchange.feed_stop (feed_id, grant_id, reason, decided_at) values ($1, $2, $3, $4) on conflict (feed_id) do nothing", [stop.feedId, stop.grantId, stop.reason, stop.decidedAt]);
}

export async function findStop(reader: Reader, feedId: string, lock: "" | "for update" = ""): Promise<FeedStop | undefined> {
  const { rows } = await reader.query<StopRow>(`select * from exchange.feed_stop where feed_id = $1 ${lock}`, [feedId]);
  return rows[0] && toStop(rows[0]);
}

export async function listStops(reader: Reader, filter: { unfinished: boolean }): Promise<FeedStop[]> {
  const { rows } = await reader.query<StopRow>("select * from exchange.feed_stop where not $1 or stopped_at is null or cardinality(announced) < 3 order by decided_at desc limit 500", [filter.unfinished]);
  return rows.map(toStop);
}

export async function writeStopParty(tx: Transaction, feedId: string, party: StopParty, at: Date, last: { batchAt?: Date; rowAt?: Date }): Promise<void> {
  await tx.query(
    `update exchange.feed_stop set ${party}_at = coalesce(${party}_at, $2), last_batch_at = coalesce($3, last_batch_at), last_row_at = greatest(last_row_at, $4) where feed_id = $1`,
    [feedId, at, last.batchAt ?? null, last.rowAt ?? null],
  );
}

export async function writeStopped(tx: Transaction, feedId: string, at: Date): Promise<void> {
  await tx.query("update exchange.feed_stop set stopped_at = $2 where feed_id = $1 and stopped_at is null", [feedId, at]);
}

export async function writeAnnounced(tx: Transaction, feedId: string, party: StopParty): Promise<void> {
  await tx.query("update exchange.feed_stop set announced = array_append(announced, $2) where feed_id = $1 and not $2 = any(announced)", [feedId, party]);
}
