import type { Grant } from "#standards";
import { systemActor, type Database, type Kernel } from "#platform";
import type { ExchangeCatalog, ExchangeEntry } from "#exchange-nodes";

/** A catalog in two tables beside the exchange's, so that a centre in another process reads what the test decides. */
export const tableCatalogSql = `
create schema if not exists test_catalog;
create table if not exists test_catalog.entry (id text primary key, document jsonb not null);
create table if not exists test_catalog.granted (id text primary key, document jsonb not null);
create table if not exists test_catalog.confirmation (grant_id text not null, party text not null, at timestamptz not null, state_before text not null, primary key (grant_id, party))`;

/** Like sharing, it lets a grant that is being revoked become revoked once gateway, provider and subscriber have confirmed. */
export function createTableCatalog(database: Database): ExchangeCatalog {
  return {
    async findGrant(reader, grantId) {
      return (await reader.query<{ document: Grant }>("select document from test_catalog.granted where id = $1", [grantId])).rows[0]?.document;
    },
    async findEntry(reader, entryId) {
      return (await reader.query<{ document: ExchangeEntry }>("select document from test_catalog.entry where id = $1", [entryId])).rows[0]?.document;
    },
    async confirmStopped(_actor, grantId, party) {
      await database.withTransaction(async (tx) => {
        await tx.query("insert into test_catalog.confirmation (grant_id, party, at, state_before) select id, $2, now(), document ->> 'state' from test_catalog.granted where id = $1 for update on conflict do nothing", [grantId, party]);
        await tx.query("update test_catalog.granted g set document = jsonb_set(document, '{state}', '\"revoked\"') where id = $1 and document ->> 'state' = 'revoking' and (select count(*) from test_catalog.confirmation where grant_id = $1) = 3", [grantId]);
      });
    },
  };
}

/** Writes a grant and announces it, as the catalog does: in one transaction. */
export async function announceGrant(kernel: Kernel, kind: string, grant: Grant): Promise<void> {
  await kernel.database.withTransaction(async (tx) => {
    await tx.query("insert into test_catalog.granted (id, document) values ($1, $2) on conflict (id) do update set document = excluded.document", [grant.id, JSON.stringify(grant)]);
    await kernel.eventLog.append(tx, systemActor("catalog"), [{ subjectType: "grant", subjectId: grant.id, kind, organisationId: grant.providerOrganisationId, payload: { grantId: grant.id } }]);
  });
}
