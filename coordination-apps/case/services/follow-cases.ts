import { eventChannel, type Actor, type Kernel } from "#platform";
import type { CheckCase } from "../model/case.ts";
import type { CaseService } from "./case-service.ts";

/** Something that happened to a case that the caller may see; resumable after its position in the event log. */
export interface CaseChange {
  position: number;
  kind: string;
  at: Date;
  /** As it is now, which may be further than the event. */
  case: CheckCase;
}

export const caseEventKinds = ["case.opened", "case.evidence-added", "case.evidence-withdrawn", "case.notified", "case.objected", "case.confirmed", "case.dismissed", "case.appealed", "case.decided", "case.closed"] as const;
const batchSize = 200;

/**
 * Case events after a position (default: from now on), at least once each, filtered by what the caller may see. A
 * waiting reader holds no connection.
 */
export function followCases({ kernel, cases }: { kernel: Kernel; cases: CaseService }, actor: Actor, options: { after?: number; caseId?: string }): AsyncIterableIterator<CaseChange> {
  kernel.access.assertAnyScope(actor, "case", "see");
  let wake: (() => void) | undefined;
  let woken = false;
  let ended = false;
  const unlisten = kernel.notifier.listen(eventChannel, () => {
    woken = true;
    wake?.();
  });

  async function* follow(): AsyncGenerator<CaseChange, void> {
    try {
      let position = options.after ?? (await kernel.database.read((reader) => kernel.eventLog.head(reader)));
      while (!ended) {
        woken = false;
        const events = await kernel.database.read((reader) => kernel.eventLog.readAfter(reader, position, batchSize, caseEventKinds));
        if (events.length > 0) {
          position = events.at(-1)!.position;
          const wanted = events.filter((event) => options.caseId === undefined || event.subjectId === options.caseId);
          const found = new Map((await cases.listByIds(actor, [...new Set(wanted.map((event) => event.subjectId))])).flatMap((one) => (one ? [[one.id, one]] : [])));
          for (const event of wanted) {
            const one = found.get(event.subjectId);
            if (one) yield { position: event.position, kind: event.kind, at: event.at, case: one };
          }
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

  const changes = follow();
  return {
    next: () => changes.next(),
    // A generator that waits cannot be returned from outside: it is woken to see that it has ended.
    async return() {
      ended = true;
      unlisten();
      wake?.();
      await changes.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
