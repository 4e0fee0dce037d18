import type pg from "pg";
import type { Log } from "../log/log.ts";
import type { Database } from "./database.ts";

/**
 * Wakes readers in any process over PostgreSQL's LISTEN/NOTIFY. A notification is only a hint to look again:
 * after a lost connection every listener is called once, because something may have been missed.
 */
export interface Notifier {
  /** Calls `wake` for each notification on `channel`, and once after every reconnect; returns how to stop. */
  listen(channel: string, wake: (payload: string) => void): () => void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createNotifier({ database, log }: { database: Database; log: Log }): Notifier {
  const listeners = new Map<string, Set<(payload: string) => void>>();
  let client: pg.Client | undefined;
  let stopped = true;
  let listening: Promise<unknown> = Promise.resolve();
  let retryTimer: NodeJS.Timeout | undefined;

  const quote = (channel: string) => `"${channel.replaceAll('"', '""')}"`;

  async function connect(): Promise<void> {
    const next = await database.connect();
    next.on("notification", ({ channel, payload }) => {
      for (const wake of listeners.get(channel) ?? []) wake(payload ?? "");
    });
    const lost = (error?: Error) => {
      if (client !== next) return;
      client = undefined;
      if (!stopped) {
        log.warn({ error: error?.message }, "notification connection lost; connecting again");
        retry(100);
      }
    };
    next.on("error", lost);
    next.on("end", () => lost());
    for (const channel of listeners.keys()) await next.query(`listen ${quote(channel)}`);
    client = next;
  }

  function retry(delayMs: number): void {
    retryTimer = setTimeout(() => {
      connect().then(
        () => {
          for (const set of listeners.values()) for (const wake of set) wake("");
        },
        () => {
          if (!stopped) retry(Math.min(delayMs * 2, 5_000));
        },
      );
    }, delayMs);
    retryTimer.unref();
  }

  return {
    listen(channel, wake) {
      let set = listeners.get(channel);
      if (!set) {
        listeners.set(channel, (set = new Set()));
        const current = client;
        // One statement at a time on the connection.
        if (current) listening = listening.then(() => current.query(`listen ${quote(channel)}`)).catch((error: Error) => log.warn({ channel, error: error.message }, "LISTEN failed"));
      }
      set.add(wake);
      return () => void set.delete(wake);
    },
    async start() {
      if (!stopped) return;
      stopped = false;
      await connect();
    },
    async stop() {
      stopped = true;
      clearTimeout(retryTimer);
      const ending = client;
      client = undefined;
      await ending?.end();
    },
  };
}
