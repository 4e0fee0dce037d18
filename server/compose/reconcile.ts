import { setTimeout as pause } from "node:timers/promises";
import { UnavailableError, type Actor } from "#platform";
import type { ChecksumReport, ExchangeCenter } from "#exchange-nodes";

/**
 * 对账: source and target of a feed compared by count and checksum per key bucket. The provider computes its sums over
 * exactly what was granted and sends them through the feed, so that the subscriber compares at one and the same
 * place of the stream; buckets that differ are sent again, row by row, and compared once more.
 */
export interface FeedReconciliation {
  feedId: string;
  rowsSource: number;
  rowsTarget: number;
  /** Buckets that differed when first compared. */
  differedFirst: number;
  /** Buckets that still differ, after repair where it was asked for. */
  differing: number;
  repaired: boolean;
}

export interface ReconcileFeedOptions {
  exchange: ExchangeCenter;
  actor: Actor;
  feedId: string;
  buckets?: number;
  repair?: boolean;
  timeoutMs?: number;
}

const defaultBuckets = 256;
const mostRounds = 3;

export async function reconcileFeed({ exchange, actor, feedId, buckets = defaultBuckets, repair = true, timeoutMs = 120_000 }: ReconcileFeedOptions): Promise<FeedReconciliation> {
  const { feeds } = exchange;

  async function awaitReport(commandId: string): Promise<ChecksumReport> {
    const started = performance.now();
    for (;;) {
      const report = (await feeds.checksums(actor, feedId)).find((candidate) => candidate.commandId === commandId);
      if (report) return report;
      const command = (await feeds.commands(actor, feedId)).find((candidate) => candidate.id === commandId);
      if (command?.outcome && !command.outcome.ok) throw new UnavailableError(`Feed ${feedId} could not be compared: ${command.outcome.message ?? ""}`, { zh: "无法对账", nextStep: "Look at the feed's and the node's state, then try again." });
      if (performance.now() - started > timeoutMs) throw new UnavailableError(`Feed ${feedId} gave no checksums within ${Math.round(timeoutMs / 1_000)} s`, { zh: "对账超时", nextStep: "Check that both nodes of the feed are connected and that nothing waits in it." });
      await pause(50);
    }
  }

  let first: ChecksumReport | undefined;
  for (let round = 0; ; round += 1) {
    const { id } = await feeds.command(actor, feedId, { kind: "checksum", buckets });
    const report = await awaitReport(id);
    first ??= report;
    if (report.differing.length === 0 || !repair || round >= mostRounds) {
      return { feedId, rowsSource: report.rowsSource, rowsTarget: report.rowsTarget, differedFirst: first.differing.length, differing: report.differing.length, repaired: round > 0 };
    }
    await feeds.command(actor, feedId, { kind: "repair", buckets, bucketNumbers: report.differing });
  }
}
