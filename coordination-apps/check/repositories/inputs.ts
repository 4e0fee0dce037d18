import type { Reader, Transaction } from "#platform";
import type { InputBinding } from "./landing.ts";

export interface CheckInput extends InputBinding {
  definition: string;
  role: string;
  attachedBy: string;
  attachedAt: Date;
  preparedOid: number | undefined;
}

export async function upsertInput(tx: Transaction, input: Omit<CheckInput, "preparedOid">): Promise<void> {
  await tx.query(
    `insert into apps.check_input (definition, role, feed_id, grant_id, organisation_id, schema_name, table_name, attached_by, attached_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (definition, role) do update set feed_id = excluded.feed_id, grant_id = excluded.grant_id, organisation_id = excluded.organisation_id, schema_name = excluded.schema_name,
       table_name = excluded.table_name, attached_by = excluded.attached_by, attached_at = excluded.attached_at, prepared_oid = null`,
    [input.definition, input.role, input.feedId, input.grantId, input.organisationId, input.schema, input.table, input.attachedBy, input.attachedAt],
  );
}

export async function deleteInput(tx: Transaction, definition: string, role: string): Promise<boolean> {
  await tx.query("delete from apps.check_position where definition = $1 and role = $2", [definition, role]);
  return (await tx.query("delete from apps.check_input where definition = $1 and role = $2", [definition, role])).rowCount > 0;
}

export async function setPrepared(tx: Transaction, definition: string, role: string, oid: number): Promise<void> {
  await tx.query("update apps.check_input set prepared_oid = $3 where definition = $1 and role = $2", [definition, role, oid]);
}

interface InputRow {
  role: string;
  feed_id: string;
  grant_id: string;
  organisation_id: string;
  schema_name: string;
  table_name: string;
  attached_by: string;
  attached_at: Date;
  prepared_oid: number | null;
}

export async function listInputs(reader: Reader, definition: string): Promise<CheckInput[]> {
  const { rows } = await reader.query<InputRow & Record<string, unknown>>("select role, feed_id, grant_id, organisation_id, schema_name, table_name, attached_by, attached_at, prepared_oid from apps.check_input where definition = $1 order by role", [definition]);
  return rows.map((row) => ({
    definition,
    role: row.role,
    feedId: row.feed_id,
    grantId: row.grant_id,
    organisationId: row.organisation_id,
    schema: row.schema_name,
    table: row.table_name,
    attachedBy: row.attached_by,
    attachedAt: row.attached_at,
    preparedOid: row.prepared_oid ?? undefined,
  }));
}

export interface CheckPosition {
  definitionVersion: number;
  feedId: string;
  generation: number;
  sequence: number;
  period: string;
}

export async function listPositions(reader: Reader, definition: string): Promise<Map<string, CheckPosition>> {
  const { rows } = await reader.query<{ role: string; definition_version: number; feed_id: string; generation: number; sequence: number; period: string }>("select role, definition_version, feed_id, generation, sequence, period from apps.check_position where definition = $1", [definition]);
  return new Map(rows.map((row) => [row.role, { definitionVersion: row.definition_version, feedId: row.feed_id, generation: row.generation, sequence: row.sequence, period: row.period }]));
}

export async function setPositions(tx: Transaction, definition: string, positions: readonly ({ role: string } & CheckPosition)[]): Promise<void> {
  await tx.query(
    `insert into apps.check_position (definition, role, definition_version, feed_id, generation, sequence, period)
     select $1, p.role, p."definitionVersion", p."feedId", p.generation, p.sequence, p.period
     from jsonb_to_recordset($2) as p(role text, "definitionVersion" integer, "feedId" text, generation integer, sequence bigint, period text)
     on conflict (definition, role) do update set definition_version = excluded.definition_version, feed_id = excluded.feed_id, generation = excluded.generation, sequence = excluded.sequence, period = excluded.period`,
    [definition, JSON.stringify(positions)],
  );
}

export async function deletePositions(tx: Transaction, definition: string, roles: readonly string[]): Promise<void> {
  if (roles.length > 0) await tx.query("delete from apps.check_position where definition = $1 and role = any($2)", [definition, roles]);
}
