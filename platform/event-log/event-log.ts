import type { Clock } from "../clock/clock.ts";
import type { NewId } from "../clock/ids.ts";
import type { Actor } from "../access/actor.ts";
import type { Database, Reader, Transaction } from "../postgres/database.ts";

/**
 * The append-only log of what happened to the catalog and its sharing: written in the transaction of the change,
 * read by projections (the index), by the exchange centre (grants) and by subscriptions. It is also the outbox:
 * nothing is announced that did not commit, and everything that committed is announced.
 *
 * Positions have no late arrivals: appending takes a transaction-wide lock that is held until commit, so whoever
 * has read up to a position has read everything before it. Append last in a transaction, to hold it briefly.
 */
export interface NewDomainEvent {
  /** What it is about: `entry`, `request`, `grant`, `organisation`, `node`, `feed`, `case` … */
  subjectType: string;
  subjectId: string;
  /** What happened, in the past tense: `entry.published`, `grant.issued`, `grant.revoked`. */
  kind: string;
  /** Whose data it concerns, so that a reader may be filtered by department. */
  organisationId?: string;
  payload: Record<string, unknown>;
}

export interface DomainEvent extends NewDomainEvent {
  position: number;
  id: string;
  actorId: string;
  at: Date;
}

export interface EventLog {
  append(tx: Transaction, actor: Actor, events: readonly NewDomainEvent[]): Promise<void>;
  /** Events after `position`, oldest first. */
  readAfter(reader: Reader, position: number, limit: number, kinds?: readonly string[]): Promise<DomainEvent[]>;
  /** The position of the newest event; 0 when there is none. */
  head(reader: Reader): Promise<number>;
}

/** The channel on which every commit with events is announced; the payload is nothing, read from your position. */
export const eventChannel = "zhengtong_events";
const appendLock = 7_305_002;

interface EventRow {
  position: number;
  id: string;
  subject_type: string;
  subject_id: string;
  kind: string;
  organisation_id: string | null;
  payload: Record<string, unknown>;
  actor_id: string;
  at: Date;
}

const toEvent = (row: EventRow): DomainEvent => ({
  position: row.position,
  id: row.id,
  subjectType: row.subject_type,
  subjectId: row.subject_id,
  kind: row.kind,
  ...(row.organisation_id === null ? {} : { organisationId: row.organisation_id }),
  payload: row.payload,
  actorId: row.actor_id,
  at: row.at,
});

export function createEventLog({ clock, newId }: { clock: Clock; newId: NewId }): EventLog {
  return {
    async append(tx, actor, events) {
      if (events.length === 0) return;
      await tx.query("select pg_advisory_xact_lock($1)", [appendLock]);
      const at = clock.now();
      await tx.query(
        `insert into platform.event_log (id, subject_type, subject_id, kind, organisation_id, payload, actor_id, at)
         select id, subject_type, subject_id, kind, organisation_id, payload, actor_id, at from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::timestamptz[]) with ordinality as e(id, subject_type, subject_id, kind, organisation_id, payload, actor_id, at, n) order by n`,
        [events.map(() => newId("event")), events.map((e) => e.subjectType), events.map((e) => e.subjectId), events.map((e) => e.kind), events.map((e) => e.organisationId ?? null), events.map((e) => JSON.stringify(e.payload)), events.map(() => actor.id), events.map(() => at)],
      );
      await tx.query("select pg_notify($1, '')", [eventChannel]);
    },
    async readAfter(reader, position, limit, kinds) {
      const { rows } = await reader.query<EventRow & Record<string, unknown>>(
        "select position, id, subject_type, subject_id, kind, organisation_id, payload, actor_id, at from platform.event_log where position > $1 and ($3::text[] is null or kind = any($3)) order by position limit $2",
        [position, limit, kinds ?? null],
      );
      return rows.map(toEvent);
    },
    async head(reader) {
      const { rows } = await reader.query<{ head: number }>("select coalesce(max(position), 0) as head from platform.event_log");
      return rows[0]!.head;
    },
  };
}

export interface EventConsumerOptions {
  database: Database;
  eventLog: EventLog;
  /** Its position is kept under this name. */
  name: string;
  kinds?: readonly string[];
  batchSize?: number;
  /** Handles events in order, in the transaction that moves the position: each event takes effect exactly once. */
  handle(tx: Transaction, events: DomainEvent[]): Promise<void>;
}

/**
 * Reads the log once from the stored position to the end; returns how many events it handled. Several processes
 * may call it: the position row is locked, so one works and the others find nothing left to do.
 */
export async function drainEvents(options: EventConsumerOptions): Promise<number> {
  const { database, eventLog, name } = options;
  let handled = 0;
  for (;;) {
    const count = await database.withTransaction(async (tx) => {
      await tx.query("insert into platform.event_consumer (name, position) values ($1, 0) on conflict do nothing", [name]);
      const { rows } = await tx.query<{ position: number }>("select position from platform.event_consumer where name = $1 for update", [name]);
      const events = await eventLog.readAfter(tx, rows[0]!.position, options.batchSize ?? 500, options.kinds);
      if (events.length === 0) return 0;
      await options.handle(tx, events);
      await tx.query("update platform.event_consumer set position = $2 where name = $1", [name, events.at(-1)!.position]);
      return events.length;
    });
    handled += count;
    if (count === 0) return handled;
  }
}
