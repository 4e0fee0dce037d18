import type { CatalogEntry, DataItem, Role } from "#standards";
import { systemActor, type Actor, type Database, type Kernel } from "#platform";
import { fixtureElements, fixtureLines, fixtureOrganisations, hiddenLines } from "./fixture-entries.ts";

export interface FixtureEntry {
  id: string;
  code: string;
  organisationId: string;
  state: "draft" | "published" | "suspended";
  completeness: number;
  updatedAt: Date;
  content: CatalogEntry;
}

export const organisationId = (key: string): string => `organisation_${fixtureOrganisations.findIndex((organisation) => organisation.key === key) + 1}`;
export const entryId = (key: string): string => `entry_${key}`;
const codeOf = (key: string) => `307001/${key}`;
const resourceOf = (key: string) => `33A001/${key}`;
const themes: Record<string, string> = { 公安: "ZNB00", 民政: "ZSB00", 人社: "ZRC00", 市监: "ZBH00", 规资: "ZCB00", 卫健: "ZPH00", 教育: "ZOF00", 税务: "ZHC00", 交通: "ZDD00", 生态: "ZFF00", 数据: "ZEF00", 上城: "ZAA00" };
const cycles = ["daily", "monthly", "yearly", "realtime", "irregular"] as const;

function toEntry(organisation: string, line: string, at: number): FixtureEntry {
  const [key, title, keywords, items, options] = line.split("|") as [string, string, string, string, string];
  const marks = options.split(" ");
  const sharingType = ({ u: "unconditional", c: "conditional", r: "refused" } as const)[marks[0] as "u" | "c" | "r"];
  const dataItems = items.split(",").map((text, number): DataItem => {
    const [name, element] = text.split("=") as [string, string | undefined];
    return { name, field: `f${number}_${key}`, type: "C", length: 50, sensitivity: "L1", ...(element === undefined ? {} : { dataElement: element }) };
  });
  const references = (mark: string) => marks.filter((part) => part.startsWith(mark)).map((part) => codeOf(part.slice(1)));
  const derivedFrom = references("<");
  const relatedCodes = references("~").map((code) => code.replace("307001", "33A001"));
  return {
    id: entryId(key),
    code: codeOf(key),
    organisationId: organisationId(organisation),
    state: marks.includes("D") ? "draft" : marks.includes("S") ? "suspended" : "published",
    completeness: Number(marks.find((mark) => /^p\d/.test(mark))?.slice(1) ?? 70),
    updatedAt: new Date(Date.UTC(2026, 0, 1 + (at % 28))),
    content: {
      title,
      abstract: `${fixtureOrganisations.find(({ key: name }) => name === organisation)!.name}履职中形成,含${dataItems.map((item) => item.name).join("、")}。`,
      keywords: keywords.split(","),
      themeCodes: [themes[organisation]!, ...(at % 7 === 0 ? ["ZAA00"] : [])].filter((code, place, all) => all.indexOf(code) === place),
      guideCategory: ["101", "102", "203", "307"][at % 4]!,
      format: { class: at % 3 === 0 ? "spreadsheet" : "database", types: ["PostgreSQL"] },
      items: dataItems,
      sharingType,
      ...(sharingType === "conditional" ? { sharingCondition: "限履行职责使用" } : sharingType === "refused" ? { refusalBasis: "依照法律规定" } : {}),
      sharingMethod: ["feed"],
      open: marks.includes("o"),
      updateCycle: cycles[at % cycles.length]!,
      sensitivity: sharingType === "unconditional" ? "L1" : "L3",
      ...(derivedFrom.length > 0 ? { derivedFrom } : {}),
      ...(relatedCodes.length > 0 ? { relatedCodes } : {}),
    },
  };
}

const linesOf = (text: string) => text.trim().split("\n");

export const fixtureEntries: readonly FixtureEntry[] = Object.entries({ ...fixtureLines, 数据: `${fixtureLines["数据"]}${hiddenLines}` }).flatMap(([organisation, text]) => linesOf(text).map((line, at) => toEntry(organisation, line, at)));

/** Grants: to whom, on what; the derived entry's department receives its source so. */
export const fixtureGrants = [
  { id: "grant_1", entry: "rs04", consumer: "税务", basis: "社会保险法第五十九条" },
  { id: "grant_2", entry: "ga01", consumer: "数据", basis: "政务数据共享条例第二十条" },
  { id: "grant_3", entry: "ga01", consumer: "民政", basis: "社会救助法" },
] as const;

export async function insertFixture(database: Database): Promise<void> {
  const at = new Date("2026-01-01T00:00:00Z");
  await database.withTransaction(async (tx) => {
    for (const [number, organisation] of fixtureOrganisations.entries()) {
      await tx.query(
        "insert into catalog.organisation (id, name, kind, region_code, department_number, prefix, active, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, true, $7, $7)",
        [organisationId(organisation.key), organisation.name, organisation.kind, organisation.region, number + 1, `33A${String(number + 1).padStart(3, "0")}`, at],
      );
    }
    for (const element of fixtureElements) {
      await tx.query(
        "insert into catalog.data_element (identifier, name, status, content, normalised_names, authority_organisation_id, proposed_by, proposed_at, updated_at) values ($1, $2, 'standard', '{}', $3, $4, 'test', $5, $5)",
        [element.identifier, element.name, [element.name, ...element.names], organisationId(element.authority), at],
      );
    }
  });
  await saveEntries(database, fixtureEntries);
  await database.withTransaction(async (tx) => {
    // Grants without their requests: only the index looks at them here.
    await tx.query("set local session_replication_role = replica");
    for (const grant of fixtureGrants) {
      const entry = fixtureEntries.find(({ id }) => id === entryId(grant.entry))!;
      await tx.query(
        `insert into catalog.sharing_grant (id, version, request_id, entry_id, entry_version, provider_organisation_id, consumer_organisation_id, legal_basis, purpose, action, delivery_mode, fields, key_fields, valid_from, valid_until, state, issued_at)
         values ($1, 1, $2, $3, '1.0', $4, $5, $6, 'x', 'subscribe', 'feed', '{a}', '{a}', '2026-01-01', '2027-01-01', 'active', $7)`,
        [grant.id, `request_${grant.id}`, entry.id, entry.organisationId, organisationId(grant.consumer), grant.basis, at],
      );
    }
  });
}

/** Writes the record as the entries' services would, without their rules. */
export const saveEntry = (database: Database, entry: FixtureEntry): Promise<void> => saveEntries(database, [entry]);

async function saveEntries(database: Database, entries: readonly FixtureEntry[]): Promise<void> {
  await database.withTransaction((tx) =>
    tx.query(
      `insert into catalog.entry (id, code, resource_id, organisation_id, state, version, title, sharing_type, open, content, completeness, created_at, created_by, updated_at, edited_by, published_at)
       select id, code, resource_id, organisation_id, state, '1.0', content ->> 'title', content ->> 'sharingType', (content ->> 'open')::boolean, content, completeness, updated_at, 'test', updated_at, 'test', case when state <> 'draft' then updated_at end
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::integer[], $8::timestamptz[]) as e (id, code, resource_id, organisation_id, state, content, completeness, updated_at)
       on conflict (id) do update set state = excluded.state, organisation_id = excluded.organisation_id, title = excluded.title, sharing_type = excluded.sharing_type, open = excluded.open, content = excluded.content, completeness = excluded.completeness, updated_at = excluded.updated_at, published_at = excluded.published_at`,
      [entries.map((entry) => entry.id), entries.map((entry) => entry.code), entries.map((entry) => resourceOf(entry.id.slice(6))), entries.map((entry) => entry.organisationId), entries.map((entry) => entry.state), entries.map((entry) => JSON.stringify(entry.content)), entries.map((entry) => entry.completeness), entries.map((entry) => entry.updatedAt)],
    ),
  );
}

/** Announces a change, as the transaction that made it would. */
export async function announce(kernel: Kernel, entry: Pick<FixtureEntry, "id" | "organisationId" | "state">): Promise<void> {
  await kernel.database.withTransaction((tx) => kernel.eventLog.append(tx, systemActor("test"), [{ subjectType: "entry", subjectId: entry.id, kind: "entry.changed", organisationId: entry.organisationId, payload: { entryId: entry.id, state: entry.state } }]));
}

export function person(organisation: string, ...roles: Role[]): Actor {
  const body = fixtureOrganisations.find(({ key }) => key === organisation)!;
  return { id: `user_${organisation}_${roles.join("_")}`, kind: "user", organisationId: organisationId(organisation), organisationKind: body.kind, roles };
}
