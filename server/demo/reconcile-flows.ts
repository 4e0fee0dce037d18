import type { CenterServices } from "../compose/center.ts";
import { reconcileFeed } from "../compose/reconcile.ts";
import type { Step } from "./account.ts";
import type { Cast } from "./cast.ts";
import type { DeliveredFlow } from "./connect-nodes.ts";

export interface ReconciliationOutcome {
  feeds: number;
  rows: number;
  /** Buckets that differ and rows by which the counts differ; 0 when every target is its source. */
  differences: number;
}

const atOnce = 4;

/** Compares every feed, and repairs nothing: a difference here is a finding. */
export async function reconcileFlows({ services, cast, delivered, step }: { services: CenterServices; cast: Cast; delivered: readonly DeliveredFlow[]; step: Step }): Promise<ReconciliationOutcome> {
  const waiting = [...delivered];
  const outcome: ReconciliationOutcome = { feeds: 0, rows: 0, differences: 0 };
  async function work(): Promise<void> {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const result = await reconcileFeed({ exchange: services.exchange, actor: cast.office.administrator, feedId: next.feed.id, repair: false });
      outcome.feeds += 1;
      outcome.rows += result.rowsTarget;
      outcome.differences += result.differing + Math.abs(result.rowsSource - result.rowsTarget);
      step.progress(outcome.feeds, delivered.length, next.flow.entry);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcome;
}
