import type pg from "pg";
import type { Log } from "#platform";
import { quoteIdentifier } from "#platform";
import { readLsn } from "./pgoutput.ts";
import { connectToSource } from "./source-database.ts";

/** A running stream of a replication slot. */
export interface SlotStream {
  /** Stops reading from the socket; what was read already is kept. */
  pause(): void;
  resume(): void;
  /** Everything before `lsn` is durable here: the source may forget it. */
  confirm(lsn: number): void;
  /** Asks the source how far its log is: an answer comes as a keepalive. */
  ask(): void;
  close(): Promise<void>;
  /** Settles when the stream ends: with an error, unless it was closed. */
  readonly ended: Promise<Error | undefined>;
}

export interface OpenSlotStreamOptions {
  url: string;
  slotName: string;
  publicationName: string;
  log: Log;
  /** One pgoutput message: `buffer` from `at` on. Valid only during the call while the stream is not paused. */
  onMessage(buffer: Buffer, at: number): void;
  /** The log behind which nothing more is known: all commits before it were delivered. */
  onKeepalive(lsn: number): void;
  /** How often the confirmed position is repeated, so that the source does not give up on us. Default 5 s. */
  statusMs?: number;
}

interface ReplicationConnection {
  stream: { pause(): void; resume(): void; destroy(): void };
  on(event: "copyData", run: (message: { chunk: Buffer }) => void): void;
  once(event: "replicationStart", run: () => void): void;
  sendCopyFromChunk(chunk: Buffer): void;
}

/** Microseconds between 1970 and 2000, where PostgreSQL's clock starts; the status message carries a time that nobody reads. */
const statusMessage = (lsn: number, reply: boolean): Buffer => {
  const message = Buffer.alloc(34);
  message[0] = 114;
  for (const at of [1, 9, 17]) {
    message.writeUInt32BE(Math.floor(lsn / 4_294_967_296), at);
    message.writeUInt32BE(lsn % 4_294_967_296, at + 4);
  }
  message[33] = reply ? 1 : 0;
  return message;
};

/** Opens the slot's stream from what was confirmed last; resolves when the source has begun to send. */
export async function openSlotStream(options: OpenSlotStreamOptions): Promise<SlotStream> {
  const client: pg.Client = await connectToSource(options.url, true);
  const connection = (client as unknown as { connection: ReplicationConnection }).connection;
  let confirmed = 0;
  let closed = false;
  let finish: (error: Error | undefined) => void = () => undefined;
  const ended = new Promise<Error | undefined>((done) => {
    finish = done;
  });
  client.on("error", (error) => finish(error));
  client.on("end", () => finish(closed ? undefined : new Error("the source ended the replication connection")));

  connection.on("copyData", ({ chunk }) => {
    if (chunk[0] === 119) {
      options.onMessage(chunk, 25);
      return;
    }
    options.onKeepalive(readLsn(chunk, 1));
    if (chunk[17] === 1) connection.sendCopyFromChunk(statusMessage(confirmed, false));
  });
  const started = new Promise<void>((done) => connection.once("replicationStart", done));
  const publication = options.publicationName.replaceAll("'", "''");
  const running = client.query(`START_REPLICATION SLOT ${quoteIdentifier(options.slotName)} LOGICAL 0/0 (proto_version '1', publication_names '${quoteIdentifier(publication)}')`);
  const failed = running.then(
    () => finish(closed ? undefined : new Error("the source ended the replication stream")),
    (error: Error) => finish(error),
  );
  const early = await Promise.race([started, ended]);
  if (early instanceof Error) {
    await client.end().catch(() => undefined);
    throw early;
  }
  const timer = setInterval(() => {
    if (!closed) connection.sendCopyFromChunk(statusMessage(confirmed, false));
  }, options.statusMs ?? 5_000);
  timer.unref();
  void ended.then(() => clearInterval(timer));

  return {
    pause: () => connection.stream.pause(),
    resume: () => connection.stream.resume(),
    confirm(lsn) {
      if (closed || lsn <= confirmed) return;
      confirmed = lsn;
      connection.sendCopyFromChunk(statusMessage(lsn, false));
    },
    ask() {
      if (!closed) connection.sendCopyFromChunk(statusMessage(confirmed, true));
    },
    async close() {
      closed = true;
      clearInterval(timer);
      // A stream has no polite end while the source has more to send.
      connection.stream.destroy();
      finish(undefined);
      await failed;
    },
    ended,
  };
}
