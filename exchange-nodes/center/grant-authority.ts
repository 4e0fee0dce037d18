import type { Grant } from "#standards";
import { eventChannel, type Kernel } from "#platform";
import type { ExchangeCatalog } from "./catalog-port.ts";

export type GrantVerdict = { allowed: true; grant: Grant } | { allowed: false; code: string; message: string; zh: string };

/**
 * Whether a grant is in force: asked for every batch, so it is answered from memory (well under 10 µs). Every
 * commit with events empties the cache before the notification has been handled further, and an answer is never older
 * than `maxAgeMs` even if notifications do not arrive.
 */
export interface GrantAuthority {
  authorise(grantId: string, at: Date): GrantVerdict | Promise<GrantVerdict>;
  start(): void;
  stop(): void;
}

const maxAgeMs = 2_000;
const day = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Shanghai", year: "numeric", month: "2-digit", day: "2-digit" });

function judge(grant: Grant, today: string): GrantVerdict {
  const refuse = (code: string, message: string, zh: string): GrantVerdict => ({ allowed: false, code, message: `Grant ${grant.id} ${message}`, zh });
  if (grant.state !== "active") return refuse(`grant.${grant.state}`, `is ${grant.state}`, "授权当前未生效");
  if (today < grant.validFrom) return refuse("grant.not-yet", `begins on ${grant.validFrom}`, `授权自 ${grant.validFrom} 起生效`);
  if (today > grant.validUntil) return refuse("grant.expired", `ended on ${grant.validUntil}`, `授权已于 ${grant.validUntil} 到期`);
  return { allowed: true, grant };
}

export function createGrantAuthority({ kernel, catalog }: { kernel: Kernel; catalog: ExchangeCatalog }): GrantAuthority {
  const { database, notifier } = kernel;
  let cache = new Map<string, { verdict: GrantVerdict; until: number }>();
  let stopListening: (() => void) | undefined;

  async function look(grantId: string, at: Date): Promise<GrantVerdict> {
    // What is looked up while the cache is emptied must not land in the new one.
    const mine = cache;
    const grant = await database.read((reader) => catalog.findGrant(reader, grantId));
    if (!grant) return { allowed: false, code: "grant.not-found", message: `There is no grant ${grantId}`, zh: "授权不存在" };
    let verdict = judge(grant, day.format(at));
    if (verdict.allowed && catalog.authorise) {
      const decision = await catalog.authorise({ grantId, action: grant.action, subject: { organisationId: grant.consumerOrganisationId, ...(grant.applicationId === undefined ? {} : { applicationId: grant.applicationId }) }, at });
      if (!decision.allowed) verdict = { allowed: false, code: `grant.${decision.reason}`, message: `Grant ${grantId} does not allow this: ${decision.reason}`, zh: "授权不允许该操作" };
    }
    mine.set(grantId, { verdict, until: at.getTime() + maxAgeMs });
    return verdict;
  }

  return {
    authorise(grantId, at) {
      const known = cache.get(grantId);
      const now = at.getTime();
      // A clock that was set back must not keep an answer alive.
      return known && now < known.until && now >= known.until - maxAgeMs ? known.verdict : look(grantId, at);
    },
    start() {
      stopListening ??= notifier.listen(eventChannel, () => void (cache = new Map()));
    },
    stop() {
      stopListening?.();
      stopListening = undefined;
    },
  };
}
