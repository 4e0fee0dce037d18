import type { DataItem, Grant, GrantAction } from "#standards";
import type { Actor, Reader } from "#platform";
import type { StopParty } from "./model/feed.ts";

/** What the exchange asks of the catalog; the composition root gives it. */
export interface ExchangeCatalog {
  findGrant(reader: Reader, grantId: string): Promise<Grant | undefined>;
  findEntry(reader: Reader, entryId: string): Promise<ExchangeEntry | undefined>;
  /** Casbin's decision on a grant, asked once per grant and change. Absent: the grant's own state and days decide. */
  authorise?(question: { grantId: string; action: GrantAction; subject: { organisationId: string; applicationId?: string | undefined }; at: Date }): Promise<{ allowed: true } | { allowed: false; reason: string }>;
  /** Tells that one party to a grant in `revoking` has stopped. May be called again. */
  confirmStopped(actor: Actor, grantId: string, party: StopParty): Promise<void>;
}

export interface ExchangeEntry {
  id: string;
  /** `33A007/000012` or a code: names tables, so only its letters and digits matter. */
  code: string;
  title: string;
  organisationId: string;
  state: string;
  items: DataItem[];
}
