import fc from "fast-check";
import { claims, evidenceRoles } from "../unemployment/evidence-roles.ts";
import type { FieldDeclaration } from "../check/model/definition.ts";
import type { LandingRow } from "./landing-feeds.ts";

/** Few people and dates that crowd around the edges, so that small cities hold many hits and many near misses. */
const people = ["330102199001010011", "330102199001010022"];
const dates = ["2025-12-31", "2026-01-31", "2026-02-01", "2026-02-15", "2026-03-01", "2026-05-31", "2026-06-01", "2026-06-30", "2026-07-01", "2026-08-15"];
const months = ["202512", "202601", "202602", "202603", "202605", "202606", "202607", "202613", "", "六月"];

const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 9 });

const special: Record<string, fc.Arbitrary<LandingRow[string]>> = {
  pay_month: orNull(fc.constantFrom(...months)),
  tax_month: orNull(fc.constantFrom(...months)),
  claim_month: orNull(fc.constantFrom(...months)),
  employer_code: fc.constantFrom("91330100MA28X12345", "", "  ", null, "91330100MA28X99999"),
  registration_status: orNull(fc.constantFrom("存续", "注销", "吊销", "在业")),
  contribution_months: orNull(fc.constantFrom(6, 12, 59, 60, 119, 120)),
  // Mostly claims that run: the rest of the city is compared with them.
  benefit_from: orNull(fc.constantFrom("2026-01-31", "2026-02-01", "2026-02-15", "2026-06-30", "2026-07-01")),
  benefit_until: orNull(fc.constantFrom("2026-05-31", "2026-06-01", "2026-06-30", "2026-08-15")),
  months_paid: orNull(fc.constantFrom(0, 1, 12, 13, 18, 19, 24, 25)),
  income: orNull(fc.constantFrom(0, 0.01, 5_000, -3)),
  monthly_amount: orNull(fc.constantFrom(1_500, 1_650.5)),
  name: orNull(fc.constantFrom("张三", "李四", "阿里木·买买提")),
};

const roles = new Map<string, { keyFields: string[]; fields: FieldDeclaration[]; matchField: string }>([[claims.role, { keyFields: [claims.keyField], fields: claims.fields, matchField: claims.matchField }], ...evidenceRoles.map((role) => [role.role, role] as const)]);

function rowOf(role: string): fc.Arbitrary<LandingRow> {
  const { keyFields, fields, matchField } = roles.get(role)!;
  return fc.record(
    Object.fromEntries(
      fields.map(({ field, type }): [string, fc.Arbitrary<LandingRow[string]>] => {
        if (field === matchField) return [field, keyFields.includes(field) ? fc.constantFrom(...people) : orNull(fc.constantFrom(...people))];
        if (keyFields.includes(field)) return [field, fc.constantFrom(`${role}-1`, `${role}-2`, `${role}-3`)];
        const own = special[field];
        if (own) return [field, own];
        if (type === "date") return [field, orNull(fc.constantFrom(...dates))];
        if (type === "number") return [field, orNull(fc.constantFrom(1, 3_000))];
        if (type === "boolean") return [field, orNull(fc.boolean())];
        return [field, orNull(fc.constantFrom("甲", "乙"))];
      }),
    ),
  );
}

/** One thing that reaches the landing tables. */
export type CityChange = { kind: "apply" | "refresh"; role: string; rows: LandingRow[]; deletes: LandingRow[] };

const roleNames = [...roles.keys()];

const changeOf = (role: string): fc.Arbitrary<CityChange> =>
  fc.record<CityChange>({
    kind: fc.oneof({ arbitrary: fc.constant("apply" as const), weight: 8 }, { arbitrary: fc.constant("refresh" as const), weight: 1 }),
    role: fc.constant(role),
    rows: fc.array(rowOf(role), { minLength: 1, maxLength: 4 }),
    deletes: fc.array(rowOf(role), { maxLength: 2 }),
  });

/** Claims come often: they are what everything else is compared with. */
export const cityChange: fc.Arbitrary<CityChange> = fc.oneof({ arbitrary: changeOf(claims.role), weight: 4 }, ...roleNames.slice(1).map((role) => ({ arbitrary: changeOf(role), weight: 1 })));

const keyOf = (role: string, row: LandingRow) => JSON.stringify(roles.get(role)!.keyFields.map((field) => row[field]));

/** One row per key and none both changed and deleted, as a batch has it. */
export function normalise(change: CityChange): CityChange {
  const rows = new Map(change.rows.map((row) => [keyOf(change.role, row), row]));
  const deletes = new Map(change.deletes.map((row) => [keyOf(change.role, row), row]));
  for (const key of rows.keys()) deletes.delete(key);
  return { ...change, rows: [...rows.values()], deletes: change.kind === "refresh" ? [] : [...deletes.values()] };
}

/** The rows as they stand after a change. */
export function applyToModel(city: Record<string, LandingRow[]>, change: CityChange): void {
  const rows = new Map((change.kind === "refresh" ? [] : (city[change.role] ?? [])).map((row) => [keyOf(change.role, row), row]));
  for (const row of change.deletes) rows.delete(keyOf(change.role, row));
  for (const row of change.rows) rows.set(keyOf(change.role, row), row);
  city[change.role] = [...rows.values()];
}
