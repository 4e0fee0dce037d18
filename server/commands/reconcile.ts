import { systemActor } from "#platform";
import { reconcileFeed, type FeedReconciliation } from "../compose/reconcile.ts";
import { withCenterServices } from "./center-services.ts";

const actor = systemActor("reconcile");

/** Needs a running centre and the feeds' nodes: it asks them and waits for what they answer. */
export async function runReconcile(options: { config?: string; feed?: string; repair: boolean; json?: boolean }): Promise<void> {
  await withCenterServices(options, async ({ exchange }) => {
    const ids: string[] = options.feed === undefined ? [] : [options.feed];
    if (options.feed === undefined) {
      for (let after: [string, string] | undefined; ; ) {
        const page = await exchange.feeds.list(actor, { states: ["flowing"] }, { limit: 100, ...(after === undefined ? {} : { after }) });
        ids.push(...page.map((feed) => feed.id));
        const last = page.at(-1);
        if (page.length < 100 || !last) break;
        after = [last.createdAt.toISOString(), last.id];
      }
    }
    const results: FeedReconciliation[] = [];
    for (const feedId of ids) {
      const result = await reconcileFeed({ exchange, actor, feedId, repair: options.repair });
      results.push(result);
      if (!options.json) process.stdout.write(`${result.differing === 0 ? "✓" : "✗"} ${feedId}: source ${result.rowsSource}, target ${result.rowsTarget}${result.differedFirst > 0 ? `, ${result.differedFirst} buckets differed${result.repaired ? `, ${result.differing} after repair` : ""}` : ""}\n`);
    }
    if (options.json) process.stdout.write(`${JSON.stringify(results)}\n`);
    else process.stdout.write(`${results.filter((result) => result.differing === 0).length} of ${results.length} feeds agree\n`);
    if (results.some((result) => result.differing > 0)) process.exitCode = 1;
  });
}
