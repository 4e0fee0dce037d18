import { eventChannel, type Actor, type DomainEvent, type Kernel } from "#platform";
import { readScopeSubjects } from "./entry-records.ts";

/** Something happened to an entry that the actor may see. */
export interface CatalogChange {
  /** Where to go on after a break. */
  position: number;
  kind: string;
  entryId: string;
  version?: string;
  state?: string;
  at: Date;
}

export interface CatalogChanges {
  /**
   * Changes after a position, or from now on, until the signal aborts. Read from the event log, so any process of the
   * centre can serve it and nothing is missed between calls; filtered by what the actor may see when it is read.
   */
  follow(actor: Actor, options: { after?: number; signal?: AbortSignal }): AsyncIterableIterator<CatalogChange>;
}

const entryKinds = ["entry.created", "entry.changed", "entry.submitted", "entry.returned", "entry.published", "entry.suspended", "entry.resumed", "entry.withdrawn", "entry.bound", "entry.drifted"];
const eventsPerRead = 200;
/** A lost notification is made up for after this long. */
const pollMs = 15_000;

export function createCatalogChanges({ kernel }: { kernel: Kernel }): CatalogChanges {
  const { database, eventLog, notifier, access } = kernel;

  async function visible(actor: Actor, events: readonly DomainEvent[]): Promise<CatalogChange[]> {
    const ids = [...new Set(events.map(entryIdOf))];
    const subjects = await database.read((reader) => readScopeSubjects(reader, ids));
    return events.flatMap((event) => {
      const subject = subjects.get(entryIdOf(event));
      if (subject === undefined || !access.allows(actor, "entry", "see", subject)) return [];
      const { version, state } = event.payload as { version?: string; state?: string };
      return [{ position: event.position, kind: event.kind, entryId: subject.id, ...(version === undefined ? {} : { version }), ...(state === undefined ? {} : { state }), at: event.at }];
    });
  }

  async function* read(actor: Actor, after: number | undefined, stopped: AbortSignal, bell: Bell): AsyncGenerator<CatalogChange, undefined> {
    let position = after ?? (await database.read((reader) => eventLog.head(reader)));
    while (!stopped.aborted) {
      const events = await database.read((reader) => eventLog.readAfter(reader, position, eventsPerRead, entryKinds));
      if (events.length === 0) {
        await bell.wait();
        continue;
      }
      for (const change of await visible(actor, events)) {
        if (stopped.aborted) return;
        yield change;
      }
      position = events.at(-1)!.position;
    }
  }

  return {
    follow(actor, { after, signal }) {
      access.assertAnyScope(actor, "entry", "see");
      const stopped = new AbortController();
      const bell = createBell();
      const stopListening = notifier.listen(eventChannel, bell.ring);
      const timer = setInterval(bell.ring, pollMs);
      const changes = read(actor, after, stopped.signal, bell);
      // A consumer that leaves while nothing happens must not wait for the next event to be let go.
      const stop = () => {
        stopped.abort();
        stopListening();
        clearInterval(timer);
        signal?.removeEventListener("abort", stop);
        bell.ring();
      };
      if (signal?.aborted) stop();
      signal?.addEventListener("abort", stop);
      return {
        async next() {
          const result = await changes.next().catch((error: unknown) => {
            stop();
            throw error;
          });
          if (result.done) stop();
          return result;
        },
        return() {
          stop();
          return changes.return(undefined);
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
  };
}

const entryIdOf = (event: DomainEvent) => String((event.payload as { entryId?: unknown }).entryId ?? event.subjectId);

/** Remembers a ring that comes while nobody waits, so that none is lost between reading and waiting. */
interface Bell {
  ring(): void;
  wait(): Promise<void>;
}

function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait() {
      if (!rung) await new Promise<void>((done) => (wake = done));
      rung = false;
      wake = undefined;
    },
  };
}
