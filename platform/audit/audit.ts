import type { Actor } from "../access/actor.ts";
import type { Clock } from "../clock/clock.ts";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { sha256 } from "../crypto/suites.ts";
import type { Reader, Transaction } from "../postgres/database.ts";

/**
 * Who did what, when, to which object, through which operation, from where. Append-only (a trigger refuses the rest)
 * and hash-chained: each record's hash covers its content and the hash before it, so a change, a removal or an
 * insertion anywhere breaks the chain at that place. Personal data stays out of `detail`: ids, counts, codes.
 */
export interface AuditEntry {
  action: string;
  objectType: string;
  objectId?: string;
  /** The GraphQL operation, HTTP route or command it came through. Default the actor's. */
  operation?: string;
  outcome?: "done" | "refused";
  detail?: Record<string, unknown>;
}

export interface AuditRecord extends AuditEntry {
  sequence: number;
  at: Date;
  actorId: string;
  actorKind: string;
  organisationId?: string;
  sourceAddress?: string;
  correlationId?: string;
  outcome: "done" | "refused";
  detail: Record<string, unknown>;
  previousHash: string;
  hash: string;
}

export interface AuditVerification {
  intact: boolean;
  records: number;
  headHash: string;
  /** The first record at which the chain does not hold, and what is wrong there. */
  firstBroken?: { sequence: number; reason: string };
}

export interface AuditLog {
  /** Writes in the transaction of the change. Call it late: it holds the chain's lock until commit. */
  record(tx: Transaction, actor: Actor, entry: AuditEntry): Promise<void>;
  list(reader: Reader, filter: AuditFilter): Promise<AuditRecord[]>;
  verify(reader: Reader, onProgress?: (records: number) => void): Promise<AuditVerification>;
}

export interface AuditFilter {
  objectType?: string;
  objectId?: string;
  actorId?: string;
  action?: string;
  organisationId?: string;
  from?: Date;
  until?: Date;
  afterSequence?: number;
  beforeSequence?: number;
  /** Default oldest first. */
  newestFirst?: boolean;
  limit: number;
}

export const auditGenesisHash = "0".repeat(64);
const chainLock = 7_305_003;

interface AuditRow {
  sequence: number;
  at: Date;
  actor_id: string;
  actor_kind: string;
  organisation_id: string | null;
  action: string;
  object_type: string;
  object_id: string | null;
  operation: string | null;
  source_address: string | null;
  correlation_id: string | null;
  outcome: "done" | "refused";
  detail: Record<string, unknown>;
  previous_hash: string;
  hash: string;
}

const columns = "sequence, at, actor_id, actor_kind, organisation_id, action, object_type, object_id, operation, source_address, correlation_id, outcome, detail, previous_hash, hash";

const hashOf = ({ hash: _, ...row }: AuditRow) => sha256(canonicalJson(row));

const toRecord = (row: AuditRow): AuditRecord => ({
  sequence: row.sequence,
  at: row.at,
  actorId: row.actor_id,
  actorKind: row.actor_kind,
  action: row.action,
  objectType: row.object_type,
  outcome: row.outcome,
  detail: row.detail,
  previousHash: row.previous_hash,
  hash: row.hash,
  ...(row.organisation_id === null ? {} : { organisationId: row.organisation_id }),
  ...(row.object_id === null ? {} : { objectId: row.object_id }),
  ...(row.operation === null ? {} : { operation: row.operation }),
  ...(row.source_address === null ? {} : { sourceAddress: row.source_address }),
  ...(row.correlation_id === null ? {} : { correlationId: row.correlation_id }),
});

export function createAuditLog({ clock }: { clock: Clock }): AuditLog {
  return {
    async record(tx, actor, entry) {
      await tx.query("select pg_advisory_xact_lock($1)", [chainLock]);
      const { rows } = await tx.query<{ sequence: number; hash: string }>("select sequence, hash from platform.audit_log order by sequence desc limit 1");
      const last = rows[0];
      const row: AuditRow = {
        sequence: (last?.sequence ?? 0) + 1,
        // Milliseconds: what PostgreSQL gives back must hash the same.
        at: new Date(clock.now().getTime()),
        actor_id: actor.id,
        actor_kind: actor.kind,
        organisation_id: actor.organisationId ?? null,
        action: entry.action,
        object_type: entry.objectType,
        object_id: entry.objectId ?? null,
        operation: entry.operation ?? actor.operation ?? null,
        source_address: actor.sourceAddress ?? null,
        correlation_id: actor.correlationId ?? null,
        outcome: entry.outcome ?? "done",
        // As it will be read back: no undefined members, dates as text.
        detail: JSON.parse(JSON.stringify(entry.detail ?? {})) as Record<string, unknown>,
        previous_hash: last?.hash ?? auditGenesisHash,
        hash: "",
      };
      row.hash = hashOf(row);
      await tx.query(`insert into platform.audit_log (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`, [row.sequence, row.at, row.actor_id, row.actor_kind, row.organisation_id, row.action, row.object_type, row.object_id, row.operation, row.source_address, row.correlation_id, row.outcome, JSON.stringify(row.detail), row.previous_hash, row.hash]);
    },

    async list(reader, filter) {
      const { rows } = await reader.query<AuditRow & Record<string, unknown>>(
        `select ${columns} from platform.audit_log
         where ($1::text is null or object_type = $1) and ($2::text is null or object_id = $2) and ($3::text is null or actor_id = $3)
           and ($4::text is null or action = $4) and ($5::text is null or organisation_id = $5)
           and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7) and sequence > $8
           and ($10::bigint is null or sequence < $10)
         order by sequence ${filter.newestFirst ? "desc" : "asc"} limit $9`,
        [filter.objectType ?? null, filter.objectId ?? null, filter.actorId ?? null, filter.action ?? null, filter.organisationId ?? null, filter.from ?? null, filter.until ?? null, filter.afterSequence ?? 0, filter.limit, filter.beforeSequence ?? null],
      );
      return rows.map(toRecord);
    },

    async verify(reader, onProgress) {
      let previousHash = auditGenesisHash;
      let sequence = 0;
      for (;;) {
        const { rows } = await reader.query<AuditRow & Record<string, unknown>>(`select ${columns} from platform.audit_log where sequence > $1 order by sequence limit 5000`, [sequence]);
        if (rows.length === 0) return { intact: true, records: sequence, headHash: previousHash };
        for (const row of rows) {
          const broken = (reason: string): AuditVerification => ({ intact: false, records: sequence, headHash: previousHash, firstBroken: { sequence: row.sequence, reason } });
          if (row.sequence !== sequence + 1) return broken(`record ${sequence + 1} is missing`);
          if (row.previous_hash !== previousHash) return broken("its link to the record before does not fit: a record was changed, removed or inserted");
          if (hashOf(row) !== row.hash) return broken("its content was changed after it was written");
          sequence = row.sequence;
          previousHash = row.hash;
        }
        onProgress?.(sequence);
      }
    },
  };
}
