import type { Reader, SqlCondition } from "#platform";

/** One entry that collects an item. */
export interface Collector {
  organisationId: string;
  entryId: string;
  title: string;
  field: string;
  name: string;
}

/** An item that several departments collect. */
export interface SharedItem {
  /** `element:DE00001` or `name:` and the name as names are compared. */
  key: string;
  name: string;
  dataElement?: string;
  authorityOrganisationId?: string;
  departments: number;
  entries: number;
}

/** Items that every table has and that nobody collects twice. */
export const trivialNames: readonly string[] = ["序号", "备注", "编号", "id", "主键", "更新时间", "更新日期", "创建时间", "数据来源", "状态", "版本号"];

/** Items bound to an element, or called by one of its names, count as the element; the rest by their own name. */
const keyedItems = (condition: string) => `
  with known as (
    select distinct on (called.name) called.name, identifier from catalog.data_element, unnest(normalised_names) as called (name) where status <> 'retired' order by called.name, status = 'standard' desc, identifier
  ), keyed as (
    select e.organisation_id, e.id as entry_id, i.name, coalesce(i.data_element, known.identifier) as element, i.normalised_name
    from catalog.entry_item i join catalog.entry e on e.id = i.entry_id left join known on known.name = i.normalised_name
    where e.state = 'published' and ${condition}
  )`;

/** What at least so many departments collect, by number of departments. */
export async function listSharedItems(reader: Reader, { minimumDepartments, organisationId, before, limit, condition }: { minimumDepartments: number; organisationId?: string | undefined; before?: { departments: number; key: string } | undefined; limit: number; condition: SqlCondition }): Promise<SharedItem[]> {
  const { rows } = await reader.query<{ key: string; name: string; element: string | null; authority: string | null; departments: number; entries: number }>(
    `${keyedItems(condition.text)}, grouped as (
       select case when element is null then 'name:' || normalised_name else 'element:' || element end as key, element, min(name) as name, count(distinct organisation_id) as departments, count(distinct entry_id) as entries
       from keyed where not (element is null and normalised_name = any($1))
       group by 1, 2 having count(distinct organisation_id) >= $2 and ($3::text is null or bool_or(organisation_id = $3))
     )
     select g.key, coalesce(d.name, g.name) as name, g.element, d.authority_organisation_id as authority, g.departments, g.entries
     from grouped g left join catalog.data_element d on d.identifier = g.element
     where $4::bigint is null or g.departments < $4 or (g.departments = $4 and g.key > $5)
     order by g.departments desc, g.key limit $6`,
    [trivialNames, minimumDepartments, organisationId ?? null, before?.departments ?? null, before?.key ?? null, limit, ...condition.values],
  );
  return rows.map((row) => ({ key: row.key, name: row.name, departments: row.departments, entries: row.entries, ...(row.element === null ? {} : { dataElement: row.element }), ...(row.authority === null ? {} : { authorityOrganisationId: row.authority }) }));
}

/** Published entries that collect an item bound to one of the elements or called by one of the names. */
export async function listCollectors(reader: Reader, { dataElements, normalisedNames, limit, condition }: { dataElements: readonly string[]; normalisedNames: readonly string[]; limit: number; condition: SqlCondition }): Promise<(Collector & { dataElement?: string; normalisedName: string })[]> {
  const { rows } = await reader.query<{ organisation_id: string; entry_id: string; title: string; field: string; name: string; data_element: string | null; normalised_name: string }>(
    `select e.organisation_id, e.id as entry_id, e.title, i.field, i.name, i.data_element, i.normalised_name from catalog.entry_item i join catalog.entry e on e.id = i.entry_id
     where (i.data_element = any($1) or i.normalised_name = any($2)) and e.state = 'published' and ${condition.text}
     order by e.organisation_id, e.id, i.position limit $3`,
    [dataElements, normalisedNames, limit, ...condition.values],
  );
  return rows.map((row) => ({ organisationId: row.organisation_id, entryId: row.entry_id, title: row.title, field: row.field, name: row.name, normalisedName: row.normalised_name, ...(row.data_element === null ? {} : { dataElement: row.data_element }) }));
}
