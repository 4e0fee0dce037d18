import { eachAtOnce } from "#platform";
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

/** Compares every feed, and repairs nothing: a difference here is a finding. */
export async function reconcileFlows({ services, cast, delivered, step }: { services: CenterServices; cast: Cast; delivered: readonly DeliveredFlow[]; step: Step }): Promise<ReconciliationOutcome> {
  const outcome: ReconciliationOutcome = { feeds: 0, rows: 0, differences: 0 };
  await eachAtOnce(delivered, 4, async ({ feed, flow }) => {
    const result = await reconcileFeed({ exchange: services.exchange, actor: cast.office.administrator, feedId: feed.id, repair: false });
    outcome.feeds += 1;
    outcome.rows += result.rowsTarget;
    outcome.differences += result.differing + Math.abs(result.rowsSource - result.rowsTarget);
    step.progress(outcome.feeds, delivered.length, flow.entry);
  });
  return outcome;
}
