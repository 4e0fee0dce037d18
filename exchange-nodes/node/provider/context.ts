import type { Clock, Database, Log, Metrics, NewId, SigningKey } from "#platform";
import type { SourceKind } from "#standards";
import type { FeedProblem, GatewayClient, ProviderAssignment } from "../../protocol/assignments.ts";
import type { DriftFinding } from "../sources/drift.ts";
import type { RelationSchema } from "../sources/introspect.ts";
import type { CaptureSession } from "./capture-session.ts";
import type { FeedPlan } from "./feed-plan.ts";
import type { FeedPipe } from "./feed-pipe.ts";
import type { FeedRecord } from "./feed-store.ts";
import type { FeedSender } from "./sender.ts";

/** A department's source as the node's configuration names it. */
export interface SourceConfig {
  name: string;
  kind: SourceKind;
  description?: string;
  /** PostgreSQL sources. */
  url?: string;
  /** File drops: the folder; `done/` and `failed/` are made in it. */
  folder?: string;
  options?: SourceOptions;
}

export interface SourceOptions {
  /** How changes are found. `auto` (default): a replication slot where the source gives one, else by reading. */
  capture?: "auto" | "slot" | "poll" | "compare";
  /** A slot and publication of the department's own; by default the node makes its own. */
  slotName?: string;
  publicationName?: string;
  /** Log that the slot may make the source keep; at the limit it is dropped and feeds are refreshed. Default 1 GiB. */
  maxRetainedBytes?: number;
  /** Pause between two looks at a source that is read (poll, compare) and at a drop folder. Default 5 s. */
  pollMs?: number;
  /** How far back behind the newest update time a poll looks, for transactions that committed late. Default 60 s. */
  pollOverlapMs?: number;
  /** Pause between two comparisons of everything, which find deletions. Default 10 minutes. */
  sweepMs?: number;
  /** How long changes are gathered into a batch. Default 10 ms. */
  lingerMs?: number;
  /** Rows of one range that is compared by one checksum. Default 5,000. */
  compareRows?: number;
}

export const defaultMaxRetainedBytes = 1024 * 1024 * 1024;

/** What everything at the provider is built on. */
export interface ProviderContext {
  nodeDatabase: Database;
  /** The same database with the settings under which values print canonically. */
  frontDatabase: Database;
  gateway: Pick<GatewayClient, "sendBatches" | "requestRefresh" | "reportProblem" | "nodeId">;
  signingKey: SigningKey;
  clock: Clock;
  log: Log;
  newId: NewId;
  metrics: Metrics;
  /** Called at named steps; throwing there is what a crash at that step would do. For fault injection. */
  fault(point: string): void | Promise<void>;
}

/** One provided feed while the node runs. */
export interface FeedRuntime {
  assignment: ProviderAssignment;
  record?: FeedRecord;
  sender?: FeedSender;
  /** Of the running session. */
  active?: { plan: FeedPlan; pipe: FeedPipe; session: CaptureSession; from: string; cut(): void };
  schema?: RelationSchema;
  drift: DriftFinding[];
  problem?: FeedProblem;
  /** Generation at which a refresh was asked for. */
  askedRefreshAt?: number;
  /** What the feed waits for, when it does. */
  waitsFor?: string;
}

/** Tells the centre once per new problem; the feed's own state does not depend on whether it could be told. */
export function raiseProblem(context: ProviderContext, runtime: FeedRuntime, problem: FeedProblem): void {
  const known = runtime.problem;
  runtime.problem = problem;
  if (known?.code === problem.code && known.message === problem.message) return;
  const { feedId } = runtime.assignment;
  context.log.warn({ feedId, code: problem.code, problem: problem.message }, "feed halted");
  context.gateway.reportProblem(feedId, problem).catch((error: Error) => context.log.debug({ feedId, error: error.message }, "problem could not be reported; it is in the next heartbeat"));
}

/** Asks the centre for a new generation, once per generation. */
export async function askRefresh(context: ProviderContext, runtime: FeedRuntime, reason: string): Promise<void> {
  const generation = runtime.record?.generation ?? 0;
  if (runtime.askedRefreshAt === generation) return;
  await context.gateway.requestRefresh(runtime.assignment.feedId, reason);
  runtime.askedRefreshAt = generation;
  context.log.warn({ feedId: runtime.assignment.feedId, reason }, "a full refresh was asked for");
}
