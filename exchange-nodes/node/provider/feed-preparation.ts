import { randomBytes } from "node:crypto";
import { fieldsOfRowCondition } from "#standards";
import type { Reader, Transaction } from "#platform";
import { describeError } from "#platform";
import { wireFields } from "../../protocol/copy-text.ts";
import { envelopeHash } from "../../protocol/envelope.ts";
import { breakingReason, compareSchema } from "../sources/drift.ts";
import type { RelationSchema } from "../sources/introspect.ts";
import { askRefresh, raiseProblem, type FeedRuntime, type ProviderContext } from "./context.ts";
import { compileFeed, planDigest, type FeedPlan } from "./feed-plan.ts";
import { acknowledge, beginGeneration, findFeed, haltFeed, measureOutbox, needRefresh, parkedKeys, readOutbox, realignHead, resumeFeed, type FeedRecord } from "./feed-store.ts";

/** `held`: not captured now, and what comes meanwhile must not be lost. `idle`: nothing is to be kept for it. */
export type Preparation = { state: "active"; plan: FeedPlan; record: FeedRecord } | { state: "held" | "idle" };

export interface PrepareFeedOptions {
  context: ProviderContext;
  runtime: FeedRuntime;
  /** The relation as it is now. */
  schema: RelationSchema | undefined;
  needsLog: boolean;
}

async function maskKeyOf(tx: Transaction, grantId: string): Promise<Uint8Array> {
  await tx.query("insert into node.mask_key (grant_id, key) values ($1, $2) on conflict do nothing", [grantId, randomBytes(32)]);
  return (await tx.query<{ key: Buffer }>("select key from node.mask_key where grant_id = $1", [grantId])).rows[0]!.key;
}

/** The centre's log may be ahead of what was acknowledged here (an answer was lost), or beyond what this database knows (it was restored). */
async function alignWithCentre(tx: Transaction, record: FeedRecord | undefined, options: PrepareFeedOptions): Promise<FeedRecord | undefined> {
  const { context, runtime } = options;
  const { head, feedId, fork } = runtime.assignment;
  const at = context.clock.now();
  const foreign = runtime.sender?.foreignHead();
  const realign = async (to: typeof head, reason: string) => {
    await realignHead(tx, feedId, to, reason, at);
    tx.afterCommit(() => runtime.sender?.realign(to.sequence));
  };
  if (record !== undefined && fork !== undefined && record.generation < fork.generation) {
    await realign(head, "the centre was restored from a backup");
    return findFeed(tx, feedId);
  }
  if (record === undefined || (head.sequence <= record.ackedSequence && foreign === undefined)) return record;
  if (foreign !== undefined) await realign(foreign, "the centre's log does not continue this node's");
  else if (head.sequence >= record.nextSequence) await realign(head, "this node's database is older than the centre's log");
  else {
    const [batch] = await readOutbox(tx, feedId, head.sequence - 1, 1);
    if (batch !== undefined && batch.envelope.sequence === head.sequence && envelopeHash(batch.envelope) === head.hash) await acknowledge(tx, feedId, head.sequence, head.hash, at);
    else await realign(head, "the centre's log does not continue this node's");
  }
  return findFeed(tx, feedId);
}

/** Items that the feed reads: granted ones and those of the row condition. */
export function usedItems(runtime: FeedRuntime) {
  const { grant, items, entryItems } = runtime.assignment;
  const used = new Set([...wireFields(grant), ...(grant.rowCondition ? fieldsOfRowCondition(grant.rowCondition) : [])]);
  return [...used].flatMap((field) => entryItems.find((item) => item.field === field) ?? items.find((item) => item.field === field) ?? []);
}

/** Which of the key's values stand more than once, or are missing, in a relation that does not guarantee its key. */
export async function findKeyProblem(reader: Reader, plan: Pick<FeedPlan, "keyColumns">, from: string): Promise<{ code: "source-drift"; message: string; zh: string } | undefined> {
  const columns = plan.keyColumns.map(({ column }) => `"${column.replaceAll('"', '""')}"`).join(", ");
  const doubled = await reader.query(`select 1 from ${from} group by ${columns} having count(*) > 1 limit 1`);
  if (doubled.rowCount > 0) return { code: "source-drift", message: `the key (${columns}) is not unique in the relation`, zh: `主键(${columns})在该关系中不唯一` };
  const missing = await reader.query(`select 1 from ${from} where ${plan.keyColumns.map(({ column }) => `"${column.replaceAll('"', '""')}" is null`).join(" or ")} limit 1`);
  if (missing.rowCount > 0) return { code: "source-drift", message: `the key (${columns}) is null in some rows`, zh: `主键(${columns})存在空值` };
  return undefined;
}

/**
 * Compares an assignment with what this node has of the feed and brings it to where capture can start: new generation,
 * halt for drift or park, end of a halt, chain aligned with the centre.
 */
export async function prepareFeed(options: PrepareFeedOptions): Promise<Preparation> {
  const { context, runtime, schema } = options;
  const { assignment } = runtime;
  const { feedId, grant, binding } = assignment;
  const { clock, nodeDatabase } = context;

  const result = await nodeDatabase.withTransaction(async (tx): Promise<Preparation & { refresh?: string }> => {
    let record = await alignWithCentre(tx, await findFeed(tx, feedId), options);
    runtime.record = record;
    const fresh = record === undefined || assignment.generation > record.generation;
    runtime.drift = compareSchema({
      schema,
      relation: binding.relation,
      columns: binding.columns,
      items: usedItems(runtime),
      keyFields: grant.keyFields,
      ...(!fresh && record?.sourceSchema ? { baseline: record.sourceSchema } : {}),
      needsLog: options.needsLog,
    });
    const broken = breakingReason(runtime.drift);
    if (broken !== undefined || schema === undefined) {
      if (record !== undefined && broken !== undefined) await haltFeed(tx, feedId, broken, clock.now());
      raiseProblem(context, runtime, broken ?? { code: "source-drift", message: `${binding.relation} is missing`, zh: `${binding.relation} 不存在` });
      return { state: record?.phase === "live" || record?.phase === "refresh" ? "held" : "idle" };
    }
    runtime.schema = schema;
    const digest = planDigest(assignment);
    if (fresh) {
      const known = record !== undefined;
      record = await beginGeneration(tx, { feedId, grantId: grant.id, grantVersion: grant.version, sourceName: binding.sourceName, relation: schema.relation, generation: assignment.generation, planDigest: digest, sourceSchema: schema.columns, at: clock.now() });
      if (!known && assignment.head.sequence > 0) {
        await tx.query("update node.feed set next_sequence = $2 + 1, head_hash = $3, acked_sequence = $2, acked_hash = $3 where feed_id = $1", [feedId, assignment.head.sequence, assignment.head.hash]);
        record = (await findFeed(tx, feedId))!;
      }
      context.log.info({ feedId, generation: record.generation }, "a generation begins");
    } else if (record!.state === "stopped" || record!.planDigest !== digest || record!.relation !== schema.relation) {
      // Positions of another capture cannot be compared with these.
      await needRefresh(tx, feedId, record!.state === "stopped" ? "the feed was stopped at the provider" : record!.planDigest !== digest ? "the grant's scope or the binding changed" : "the source is captured in another way", clock.now());
      record = (await findFeed(tx, feedId))!;
    }
    runtime.record = record!;
    if (record!.refreshNeeded !== undefined || record!.state === "stopped") return { state: "idle", refresh: record!.refreshNeeded ?? "the feed was stopped at the provider" };
    if (record!.phase === "ended") return { state: "idle" };
    if (record!.state === "halted") {
      const { count } = await parkedKeys(tx, feedId);
      if (record!.halt?.code === "park-overflow" && count > assignment.limits.parkRows) return { state: "held" };
      await resumeFeed(tx, feedId, clock.now());
      record = { ...record!, state: "capturing" };
      delete record.halt;
      runtime.record = record;
    }
    delete runtime.problem;
    const { bytes } = await measureOutbox(tx, feedId);
    if (bytes >= assignment.limits.queueBytes) {
      runtime.waitsFor = "queue";
      return { state: "held" };
    }
    delete runtime.waitsFor;
    const plan = compileFeed({ assignment, schema, maskKey: await maskKeyOf(tx, grant.id) });
    return { state: "active", plan, record: record! };
  });
  if (result.refresh !== undefined) {
    await askRefresh(context, runtime, result.refresh).catch((error: unknown) => context.log.warn({ feedId, error: describeError(error) }, "the refresh could not be asked for; it is tried again"));
  }
  return result;
}
