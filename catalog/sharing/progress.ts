import { eventChannel, type Actor, type DomainEvent, type Kernel } from "#platform";
import { requestSubject, type Request } from "./request-model.ts";
import { findRequests } from "./request-repository.ts";

/** A step of a request that the caller may see, by its position in the event log: resumable from there. */
export interface RequestProgress {
  position: number;
  kind: string;
  at: Date;
  /** As it is now, which may be further than the event. */
  request: Request;
  payload: Record<string, unknown>;
}

export const requestEventKinds = ["request.submitted", "request.advanced", "request.decided", "request.escalated"] as const;
const batchSize = 200;

/**
 * Request events after a position (default: from now on), at least once, filtered by what the caller may see. Ends
 * when the reader stops; a waiting reader holds no connection.
 */
export function followRequests(kernel: Kernel, actor: Actor, { after, requestId }: { after?: number | undefined; requestId?: string | undefined }): AsyncIterableIterator<RequestProgress> {
  let wake: (() => void) | undefined;
  let woken = false;
  let ended = false;
  const unlisten = kernel.notifier.listen(eventChannel, () => {
    woken = true;
    wake?.();
  });

  async function visible(events: readonly DomainEvent[]): Promise<RequestProgress[]> {
    const found = await kernel.database.read((reader) => findRequests(reader, [...new Set(events.map((event) => event.subjectId))]));
    return events.flatMap((event) => {
      const request = found.get(event.subjectId);
      if (request === undefined || (requestId !== undefined && request.id !== requestId) || !kernel.access.allows(actor, "request", "see", requestSubject(request))) return [];
      return [{ position: event.position, kind: event.kind, at: event.at, request, payload: event.payload }];
    });
  }

  async function* follow(): AsyncGenerator<RequestProgress, void> {
    try {
      let position = after ?? (await kernel.database.read((reader) => kernel.eventLog.head(reader)));
      while (!ended) {
        woken = false;
        const events = await kernel.database.read((reader) => kernel.eventLog.readAfter(reader, position, batchSize, requestEventKinds));
        if (events.length > 0) {
          position = events.at(-1)!.position;
          yield* await visible(events);
        } else if (!woken) {
          await new Promise<void>((resume) => {
            if (ended) return resume();
            wake = resume;
          });
          wake = undefined;
        }
      }
    } finally {
      unlisten();
    }
  }

  const steps = follow();
  return {
    next: () => steps.next(),
    // A generator that waits cannot be returned from outside: it is woken to see that it has ended.
    async return() {
      ended = true;
      unlisten();
      wake?.();
      await steps.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
