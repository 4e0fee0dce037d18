import { systemActor, type AuditVerification } from "#platform";
import { verifyFeedEvidence, type EvidenceVerdict, type RootsVerdict } from "#exchange-nodes";
import type { CenterServices } from "../compose/center.ts";
import { withCenterServices } from "./center-services.ts";

/** What was verified: both audit chains from the first record, each feed's batches from the first envelope, and that their roots stand in the chain. */
export interface AuditReport {
  intact: boolean;
  chains: Record<"center" | "city", AuditVerification>;
  feeds: ({ feedId: string } & EvidenceVerdict)[];
  roots: RootsVerdict;
}

const actor = systemActor("verify-audit");

export async function verifyEverything({ center, city, exchange }: Pick<CenterServices, "center" | "city" | "exchange">, onProgress?: (text: string) => void): Promise<AuditReport> {
  const chains = {
    center: await center.database.read((reader) => center.audit.verify(reader, (records) => onProgress?.(`center: ${records} records`))),
    city: await city.database.read((reader) => city.audit.verify(reader, (records) => onProgress?.(`city: ${records} records`))),
  };
  const feeds: AuditReport["feeds"] = [];
  for (let after: [string, string] | undefined; ; ) {
    const page = await exchange.feeds.list(actor, {}, { limit: 100, ...(after === undefined ? {} : { after }) });
    for (const feed of page) {
      feeds.push({ feedId: feed.id, ...(await verifyFeedEvidence(exchange.evidence.exportFeed(actor, feed.id))) });
      onProgress?.(`feeds: ${feeds.length}`);
    }
    const last = page.at(-1);
    if (page.length < 100 || !last) break;
    after = [last.createdAt.toISOString(), last.id];
  }
  const roots = await exchange.evidence.verifyRoots();
  return { intact: chains.center.intact && chains.city.intact && roots.intact && feeds.every((feed) => feed.intact), chains, feeds, roots };
}

export async function runVerifyAudit(options: { config?: string; json?: boolean }): Promise<void> {
  await withCenterServices(options, async (services) => {
    const report = await verifyEverything(services, (text) => void (process.stderr.isTTY && process.stderr.write(`\r\u001b[2K${text}`)));
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[2K");
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else {
      for (const [name, chain] of Object.entries(report.chains)) {
        process.stdout.write(chain.intact ? `audit chain ${name}: intact, ${chain.records} records, head ${chain.headHash}\n` : `audit chain ${name}: BROKEN at record ${chain.firstBroken!.sequence}: ${chain.firstBroken!.reason}\n`);
      }
      for (const feed of report.feeds) if (!feed.intact) process.stdout.write(`feed ${feed.feedId}: BROKEN: ${JSON.stringify(feed)}\n`);
      process.stdout.write(report.roots.intact ? `evidence roots: intact, ${report.roots.roots}\n` : `evidence roots: BROKEN at root ${report.roots.firstBad!.number}: ${report.roots.firstBad!.message}\n`);
      process.stdout.write(`feeds: ${report.feeds.filter((feed) => feed.intact).length} of ${report.feeds.length} intact\n`);
    }
    if (!report.intact) process.exitCode = 1;
  });
}
