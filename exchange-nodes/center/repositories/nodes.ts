import type { NodeManifest } from "#standards";
import type { Reader, SqlCondition, SuiteName, Transaction } from "#platform";
import type { Heartbeat, NodeCommand, CommandOutcome, SourceRelation } from "../../protocol/assignments.ts";
import type { ExchangeNode, NodeChange, NodeHealthState, NodeState, StoredSourceSchema } from "../model/node.ts";

interface NodeRow extends Record<string, unknown> {
  id: string;
  name: string;
  organisation_id: string;
  state: NodeState;
  state_reason: string | null;
  suite: SuiteName | null;
  public_key: string | null;
  sealing_key: string | null;
  manifest: NodeManifest | null;
  created_at: Date;
  enrolled_at: Date | null;
  last_seen_at: Date | null;
  skew_ms: number | null;
  health: NodeHealthState;
  health_detail: Partial<ExchangeNode["healthDetail"]>;
  heartbeat: Heartbeat | null;
  assignments_version: number;
}

const columns = "id, name, organisation_id, state, state_reason, suite, public_key, sealing_key, manifest, created_at, enrolled_at, last_seen_at, skew_ms, health, health_detail, heartbeat, assignments_version";

const toNode = (row: NodeRow): ExchangeNode => ({
  id: row.id,
  name: row.name,
  organisationId: row.organisation_id,
  state: row.state,
  createdAt: row.created_at,
  health: row.health,
  healthDetail: { problems: row.health_detail.problems ?? [] },
  assignmentsVersion: row.assignments_version,
  ...(row.state_reason === null ? {} : { stateReason: row.state_reason }),
  ...(row.suite === null ? {} : { suite: row.suite }),
  ...(row.public_key === null ? {} : { publicKey: row.public_key }),
  ...(row.sealing_key === null ? {} : { sealingKey: row.sealing_key }),
  ...(row.manifest === null ? {} : { manifest: row.manifest }),
  ...(row.enrolled_at === null ? {} : { enrolledAt: row.enrolled_at }),
  ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at }),
  ...(row.skew_ms === null ? {} : { skewMs: row.skew_ms }),
  ...(row.heartbeat === null ? {} : { heartbeat: row.heartbeat }),
});

export async function findNode(reader: Reader, nodeId: string, lock: "" | "for update" = ""): Promise<ExchangeNode | undefined> {
  const { rows } = await reader.query<NodeRow>(`select ${columns} from exchange.node where id = $1 ${lock}`, [nodeId]);
  return rows[0] && toNode(rows[0]);
}

/** In the order of `nodeIds`; ids that are not there are left out. */
export async function findNodes(reader: Reader, nodeIds: readonly string[]): Promise<ExchangeNode[]> {
  if (nodeIds.length === 0) return [];
  const { rows } = await reader.query<NodeRow>(`select ${columns} from exchange.node where id = any($1) order by array_position($1, id)`, [nodeIds]);
  return rows.map(toNode);
}

export async function findNodeByName(reader: Reader, name: string): Promise<ExchangeNode | undefined> {
  const { rows } = await reader.query<NodeRow>(`select ${columns} from exchange.node where name = $1`, [name]);
  return rows[0] && toNode(rows[0]);
}

export async function listNodes(reader: Reader, condition: SqlCondition, page: { afterName?: string; limit: number; nodeIds?: readonly string[] }): Promise<ExchangeNode[]> {
  const { rows } = await reader.query<NodeRow>(`select ${columns} from exchange.node where ($1::text is null or name > $1) and ($3::text[] is null or id = any($3)) and ${condition.text} order by name limit $2`, [page.afterName ?? null, page.limit, page.nodeIds ?? null, ...condition.values]);
  return rows.map(toNode);
}

export async function insertNode(tx: Transaction, node: { id: string; name: string; organisationId: string; invitedBy: string; createdAt: Date }): Promise<void> {
  await tx.query("insert into exchange.node (id, name, organisation_id, state, invited_by, created_at, health) values ($1, $2, $3, 'invited', $4, $5, 'unknown')", [node.id, node.name, node.organisationId, node.invitedBy, node.createdAt]);
}

/** Writes a node's state and the record of how it came to it. */
export async function writeNodeState(tx: Transaction, change: { nodeId: string; change: NodeChange; from?: NodeState; to: NodeState; at: Date; actorId: string; reason?: string }): Promise<void> {
  await tx.query("update exchange.node set state = $2, state_reason = $3, assignments_version = assignments_version + 1 where id = $1", [change.nodeId, change.to, change.reason ?? null]);
  await tx.query("insert into exchange.node_transition (node_id, change, from_state, to_state, at, actor_id, reason) values ($1, $2, $3, $4, $5, $6, $7)", [change.nodeId, change.change, change.from ?? null, change.to, change.at, change.actorId, change.reason ?? null]);
}

export async function writeEnrolment(tx: Transaction, nodeId: string, enrolment: { suite: SuiteName; publicKey: string; sealingKey: string; manifest: NodeManifest; at: Date }): Promise<void> {
  await tx.query("update exchange.node set suite = $2, public_key = $3, sealing_key = $4, manifest = $5, enrolled_at = $6, last_seen_at = $6 where id = $1", [nodeId, enrolment.suite, enrolment.publicKey, enrolment.sealingKey, JSON.stringify(enrolment.manifest), enrolment.at]);
}

export async function writeHeartbeat(tx: Transaction, nodeId: string, beat: { heartbeat: Heartbeat; at: Date; skewMs: number; health: NodeHealthState; problems: ExchangeNode["healthDetail"]["problems"]; manifest?: NodeManifest }): Promise<void> {
  await tx.query("update exchange.node set heartbeat = $2, last_seen_at = $3, skew_ms = $4, health = $5, health_detail = $6, manifest = coalesce($7, manifest) where id = $1", [nodeId, JSON.stringify(beat.heartbeat), beat.at, beat.skewMs, beat.health, JSON.stringify({ problems: beat.problems }), beat.manifest === undefined ? null : JSON.stringify(beat.manifest)]);
}

/** Marks enrolled nodes that were last seen before `silentBefore`; gives those that were not marked already. */
export async function markSilentNodes(tx: Transaction, silentBefore: Date): Promise<ExchangeNode[]> {
  const { rows } = await tx.query<NodeRow>(`update exchange.node set health = 'silent' where state = 'enrolled' and health <> 'silent' and last_seen_at < $1 returning ${columns}`, [silentBefore]);
  return rows.map(toNode);
}

/** Makes nodes fetch their assignments again. */
export async function bumpAssignments(tx: Transaction, nodeIds: readonly (string | undefined)[], channel: string): Promise<void> {
  const ids = [...new Set(nodeIds.filter((id) => id !== undefined))];
  if (ids.length === 0) return;
  await tx.query("with bumped as (update exchange.node set assignments_version = assignments_version + 1 where id = any($1) returning id) select pg_notify($2, id) from bumped", [ids, channel]);
}

export async function readAssignmentsVersion(reader: Reader, nodeId: string): Promise<number> {
  const { rows } = await reader.query<{ assignments_version: number }>({ name: "assignments_version", text: "select assignments_version from exchange.node where id = $1", values: [nodeId] });
  return rows[0]?.assignments_version ?? 0;
}

export async function insertCode(tx: Transaction, code: { hash: string; nodeId: string; createdBy: string; createdAt: Date; expiresAt: Date }): Promise<void> {
  // One code at a time: a new one makes those before it useless.
  await tx.query("update exchange.enrolment_code set expires_at = $2 where node_id = $1 and used_at is null and expires_at > $2", [code.nodeId, code.createdAt]);
  await tx.query("insert into exchange.enrolment_code (code_hash, node_id, created_by, created_at, expires_at) values ($1, $2, $3, $4, $5)", [code.hash, code.nodeId, code.createdBy, code.createdAt, code.expiresAt]);
}

/** Uses up a code; undefined when there is none, it was used or it has expired. */
export async function useCode(tx: Transaction, hash: string, at: Date): Promise<string | undefined> {
  const { rows } = await tx.query<{ node_id: string }>("update exchange.enrolment_code set used_at = $2 where code_hash = $1 and used_at is null and expires_at > $2 returning node_id", [hash, at]);
  return rows[0]?.node_id;
}

/** True when the nonce is new. */
export async function rememberNonce(reader: Reader, nodeId: string, nonce: string, expiresAt: Date): Promise<boolean> {
  const { rows } = await reader.query<{ fresh: boolean }>({ name: "remember_nonce", text: "select exchange.remember_nonce($1, $2, $3) as fresh", values: [nodeId, nonce, expiresAt] });
  return rows[0]!.fresh;
}

export async function forgetNonces(tx: Transaction, expiredBefore: Date): Promise<void> {
  await tx.query("delete from exchange.nonce where expires_at < $1", [expiredBefore]);
}

interface SchemaRow extends Record<string, unknown> {
  node_id: string;
  source_name: string;
  kind: StoredSourceSchema["kind"];
  digest: string;
  relations: SourceRelation[];
  reported_at: Date;
}

const toSchema = (row: SchemaRow): StoredSourceSchema => ({ nodeId: row.node_id, sourceName: row.source_name, kind: row.kind, digest: row.digest, relations: row.relations, reportedAt: row.reported_at });

/** True when it differs from what was stored. */
export async function writeSourceSchema(tx: Transaction, schema: StoredSourceSchema): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into exchange.source_schema as s (node_id, source_name, kind, digest, relations, reported_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (node_id, source_name) do update set kind = excluded.kind, digest = excluded.digest, relations = excluded.relations, reported_at = excluded.reported_at where s.digest <> excluded.digest`,
    [schema.nodeId, schema.sourceName, schema.kind, schema.digest, JSON.stringify(schema.relations), schema.reportedAt],
  );
  return rowCount > 0;
}

export async function listSourceSchemas(reader: Reader, nodeId: string, sourceName?: string): Promise<StoredSourceSchema[]> {
  const { rows } = await reader.query<SchemaRow>("select node_id, source_name, kind, digest, relations, reported_at from exchange.source_schema where node_id = $1 and ($2::text is null or source_name = $2) order by source_name", [nodeId, sourceName ?? null]);
  return rows.map(toSchema);
}

export async function insertCommand(tx: Transaction, command: NodeCommand & { nodeId: string; createdBy: string; createdAt: Date }): Promise<void> {
  const { id, nodeId, feedId, kind, createdBy, createdAt, ...detail } = command;
  await tx.query("insert into exchange.command (id, node_id, feed_id, kind, detail, created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7)", [id, nodeId, feedId, kind, JSON.stringify(detail), createdBy, createdAt]);
}

export interface CommandRecord extends NodeCommand {
  nodeId: string;
  createdBy: string;
  createdAt: Date;
  outcome?: CommandOutcome;
  doneAt?: Date;
}

interface CommandRow extends Record<string, unknown> {
  id: string;
  node_id: string;
  feed_id: string;
  kind: NodeCommand["kind"];
  detail: Omit<NodeCommand, "id" | "feedId" | "kind">;
  created_by: string;
  created_at: Date;
  outcome: CommandOutcome | null;
  done_at: Date | null;
}

const toCommand = (row: CommandRow): CommandRecord => ({ ...row.detail, id: row.id, nodeId: row.node_id, feedId: row.feed_id, kind: row.kind, createdBy: row.created_by, createdAt: row.created_at, ...(row.outcome === null ? {} : { outcome: row.outcome }), ...(row.done_at === null ? {} : { doneAt: row.done_at }) });

export async function listCommands(reader: Reader, filter: { nodeId?: string; feedId?: string; openOnly: boolean }): Promise<CommandRecord[]> {
  const { rows } = await reader.query<CommandRow>("select id, node_id, feed_id, kind, detail, created_by, created_at, outcome, done_at from exchange.command where ($1::text is null or node_id = $1) and ($2::text is null or feed_id = $2) and (not $3 or done_at is null) order by id desc limit 200", [filter.nodeId ?? null, filter.feedId ?? null, filter.openOnly]);
  return rows.map(toCommand).reverse();
}

export async function finishCommand(tx: Transaction, nodeId: string, outcome: CommandOutcome, at: Date): Promise<CommandRecord | undefined> {
  const { rows } = await tx.query<CommandRow>("update exchange.command set outcome = $3, done_at = $4 where id = $1 and node_id = $2 and done_at is null returning id, node_id, feed_id, kind, detail, created_by, created_at, outcome, done_at", [outcome.commandId, nodeId, JSON.stringify(outcome), at]);
  return rows[0] && toCommand(rows[0]);
}
