import { createLoop, describeError, isRefusal, type Clock, type Database, type Log, type Loop } from "#platform";
import type { NodeManifest } from "#standards";
import type { Assignments, CommandOutcome, GatewayClient, NodeCommand, ProviderAssignment, SubscriberAssignment } from "../../protocol/assignments.ts";
import type { NodeProvider } from "../provider-port.ts";
import type { Subscriber } from "../subscriber/subscriber.ts";

/** Talks with the centre: heartbeat, assignments (a long poll that is answered at once on a change), source schemas, commands. */
export interface NodeAgent {
  start(): void;
  stop(): Promise<void>;
  status(): { connected: boolean; assignmentsVersion: number; feeds: number; error?: string };
}

export interface CreateNodeAgentOptions {
  client: GatewayClient;
  database: Database;
  provider?: NodeProvider;
  subscriber: Subscriber;
  manifest: NodeManifest;
  clock: Clock;
  log: Log;
  heartbeatMs?: number;
  schemaReportMs?: number;
}

const pollWaitMs = 20_000;

export function createNodeAgent(options: CreateNodeAgentOptions): NodeAgent {
  const { client, database, provider, subscriber, manifest, clock, log } = options;
  const startedAt = clock.now().toISOString();
  let version = 0;
  let feeds = 0;
  let connected = false;
  let failure: string | undefined;
  let manifestSent = false;
  let reported = new Map<string, string>();
  const commands = new Map<string, Promise<void>>();

  async function beat(): Promise<void> {
    const provided = provider?.health() ?? { feeds: [], sources: [] };
    await client.heartbeat({ softwareVersion: manifest.softwareVersion, startedAt, feeds: [...provided.feeds, ...subscriber.health()], sources: provided.sources, ...(manifestSent ? {} : { manifest }) });
    manifestSent = true;
    connected = true;
    failure = undefined;
  }

  /** A command that comes twice is done once: its outcome is kept until the centre has it, and after. */
  async function obey(command: NodeCommand): Promise<void> {
    const known = await database.withTransaction(async (tx) => {
      await tx.query("insert into node.inbox_command (id, kind, received_at) values ($1, $2, $3) on conflict do nothing", [command.id, command.kind, clock.now()]);
      return (await tx.query<{ outcome: CommandOutcome | null }>("select outcome from node.inbox_command where id = $1", [command.id])).rows[0]!.outcome;
    });
    let outcome = known;
    if (!outcome) {
      try {
        outcome = provider ? await provider.command(command) : { commandId: command.id, ok: false, message: "this node provides nothing" };
      } catch (error) {
        // What may pass is tried again with the next list; a refusal is the outcome.
        if (!isRefusal(error) || error.kind === "Unavailable") throw error;
        outcome = { commandId: command.id, ok: false, message: error.message };
      }
      const done = outcome;
      await database.withTransaction((tx) => tx.query("update node.inbox_command set outcome = $2 where id = $1", [command.id, JSON.stringify(done)]));
    }
    await client.acknowledgeCommand(outcome);
    await database.withTransaction((tx) => tx.query("update node.inbox_command set acknowledged_at = $2 where id = $1", [command.id, clock.now()]));
  }

  async function take(assignments: Assignments): Promise<void> {
    version = assignments.version;
    feeds = assignments.feeds.length;
    subscriber.update(assignments.feeds.filter((feed): feed is SubscriberAssignment => feed.role === "subscriber"));
    await provider?.update(assignments.feeds.filter((feed): feed is ProviderAssignment => feed.role === "provider"));
    for (const command of assignments.commands) {
      if (commands.has(command.id)) continue;
      commands.set(
        command.id,
        obey(command)
          .catch((error: unknown) => log.warn({ commandId: command.id, error: describeError(error) }, "a command could not be done yet"))
          .finally(() => commands.delete(command.id)),
      );
    }
  }

  async function reportSchemas(): Promise<void> {
    if (!provider) return;
    const reports = (await provider.sourceSchemas()).filter((report) => reported.get(report.sourceName) !== report.digest);
    if (reports.length === 0) return;
    await client.reportSourceSchemas(reports);
    reported = new Map([...reported, ...reports.map((report) => [report.sourceName, report.digest] as const)]);
  }

  const noting = (run: (signal: AbortSignal) => Promise<boolean | void>) => async (signal: AbortSignal) => {
    try {
      return await run(signal);
    } catch (error) {
      if (!signal.aborted) {
        connected = false;
        failure = describeError(error);
      }
      throw error;
    }
  };

  const loops: Loop[] = [
    createLoop({ name: "node-heartbeat", intervalMs: options.heartbeatMs ?? 5_000, maxDelayMs: 5_000, log, run: noting(beat) }),
    createLoop({
      name: "node-assignments",
      intervalMs: 100,
      maxDelayMs: 3_000,
      log,
      run: noting(async (signal) => {
        // Commands that could not be done are asked for again a little later, though nothing has changed.
        const assignments = await client.assignments({ after: version, waitMs: pollWaitMs, signal });
        await take(assignments);
        return true;
      }),
    }),
    createLoop({ name: "node-schemas", intervalMs: options.schemaReportMs ?? 30_000, maxDelayMs: 15_000, log, run: reportSchemas }),
  ];

  return {
    start: () => loops.forEach((loop) => loop.start()),
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await Promise.all(commands.values());
    },
    status: () => ({ connected, assignmentsVersion: version, feeds, ...(failure === undefined ? {} : { error: failure }) }),
  };
}
