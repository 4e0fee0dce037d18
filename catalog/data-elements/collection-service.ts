import type { CatalogEntry } from "#standards";
import { ConflictError, InputError, type Actor, type Kernel } from "#platform";
import type { ChangeRequest } from "../entries/change-request-repository.ts";
import type { ChangeRequestService } from "../entries/change-request-service.ts";
import { entryScopeColumn } from "../entries/entry-repository.ts";
import type { EntryService } from "../entries/entry-service.ts";
import { normaliseItemName } from "../model/item-names.ts";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import type { Entry } from "../model/types.ts";
import { listCollectors, listSharedItems, trivialNames, type Collector, type SharedItem } from "./collection-repository.ts";
import { findDataElements, findDataElementsByNames } from "./data-element-repository.ts";

/** An item of an entry that other departments collect as well. */
export interface DuplicateItem {
  field: string;
  name: string;
  dataElement?: string;
  /** The one source of the element (一数一源). */
  authorityOrganisationId?: string;
  collectors: Collector[];
}

export interface ItemBinding {
  field: string;
  /** Absent: the item is bound to nothing any more. */
  dataElement?: string;
}

/** Who collects what: 政务数据共享条例 art. 19 wants nothing collected twice, and one source for what several need. */
export interface CollectionService {
  /** Items that at least so many departments (default 2) collect in published entries that the caller may see. */
  sharedItems(actor: Actor, filter: { minimumDepartments?: number; organisationId?: string }, page: PageRequest): Promise<Page<SharedItem>>;
  /** Who collects an item, given a key of `sharedItems`; up to 500. */
  collectors(actor: Actor, key: string): Promise<Collector[]>;
  /** Items of an entry that other departments collect as well, of what the caller may see. */
  duplicates(actor: Actor, entryId: string): Promise<DuplicateItem[]>;
  /** Binds items to data elements: in a draft at once, in a published entry by a change request. */
  bindItems(actor: Actor, entryId: string, bindings: readonly ItemBinding[]): Promise<{ entry: Entry; changeRequest?: ChangeRequest }>;
}

const mostCollectors = 500;

export function createCollectionService({ kernel, entries, changeRequests }: { kernel: Kernel; entries: EntryService; changeRequests: ChangeRequestService }): CollectionService {
  const { access, database } = kernel;
  const seen = (actor: Actor, firstPlaceholder: number) => access.condition(actor, "entry", "see", { column: entryScopeColumn, firstPlaceholder });

  return {
    async sharedItems(actor, { minimumDepartments = 2, organisationId }, { first, after }) {
      access.assertAnyScope(actor, "entry", "see");
      checkPageSize(first);
      const [departments, key] = after === undefined ? [] : decodeCursor(after, 2);
      const rows = await database.read((reader) => listSharedItems(reader, { minimumDepartments: Math.max(2, minimumDepartments), organisationId, ...(departments === undefined ? {} : { before: { departments: Number(departments), key: String(key) } }), limit: first + 1, condition: seen(actor, 7) }));
      return toPage(rows, first, (row) => encodeCursor([row.departments, row.key]));
    },

    async collectors(actor, key) {
      access.assertAnyScope(actor, "entry", "see");
      const [kind, value] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
      return database.read(async (reader) => {
        const names = kind === "element" ? await reader.query<{ normalised_names: string[] }>("select normalised_names from catalog.data_element where identifier = $1", [value]) : undefined;
        const rows = await listCollectors(reader, { dataElements: kind === "element" ? [value] : [], normalisedNames: names ? (names.rows[0]?.normalised_names ?? []) : kind === "name" ? [normaliseItemName(value)] : [], limit: mostCollectors, condition: seen(actor, 4) });
        return rows.filter((row) => (kind === "element" ? row.dataElement === undefined || row.dataElement === value : row.dataElement === undefined)).map(toCollector);
      });
    },

    async duplicates(actor, entryId) {
      const entry = await entries.get(actor, entryId);
      const items = entry.content.items ?? [];
      return database.read(async (reader) => {
        const bound = await findDataElements(reader, items.flatMap((item) => item.dataElement ?? []));
        const byName = await findDataElementsByNames(reader, items.map((item) => normaliseItemName(item.name)));
        const subjects = items.map((item) => {
          const normalisedName = normaliseItemName(item.name);
          const element = item.dataElement === undefined ? byName.find((known) => known.normalisedNames.includes(normalisedName))?.element : bound.get(item.dataElement);
          const names = byName.find((known) => known.element.identifier === element?.identifier)?.normalisedNames ?? (element === undefined && trivialNames.includes(normalisedName) ? [] : [normalisedName]);
          return { item, element, names: new Set(names) };
        });
        const rows = await listCollectors(reader, { dataElements: subjects.flatMap(({ element }) => element?.identifier ?? []), normalisedNames: subjects.flatMap(({ names }) => [...names]), limit: 5_000, condition: seen(actor, 4) });
        const others = rows.filter((row) => row.organisationId !== entry.organisationId);
        return subjects.flatMap(({ item, element, names }): DuplicateItem[] => {
          const collectors = others.filter((row) => (row.dataElement === undefined ? names.has(row.normalisedName) : row.dataElement === element?.identifier)).map(toCollector);
          if (collectors.length === 0) return [];
          return [{ field: item.field, name: item.name, collectors: collectors.slice(0, mostCollectors), ...(element === undefined ? {} : { dataElement: element.identifier }), ...(element?.authorityOrganisationId === undefined ? {} : { authorityOrganisationId: element.authorityOrganisationId }) }];
        });
      });
    },

    async bindItems(actor, entryId, bindings) {
      access.assertAnyScope(actor, "entry", "edit");
      const entry = await entries.get(actor, entryId);
      const wanted = new Map(bindings.map((binding) => [binding.field, binding]));
      const unknown = bindings.filter((binding) => !entry.content.items?.some((item) => item.field === binding.field));
      if (unknown.length > 0) throw new InputError(`Entry ${entryId} has no item ${unknown[0]!.field}`, { zh: `条目没有信息项 ${unknown[0]!.field}`, code: "entry.no-item", issues: unknown.map((binding) => ({ path: `/items/${binding.field}`, code: "entry.no-item", message: "is not an item of the entry", zh: "不是该条目的信息项" })) });
      const content: CatalogEntry = {
        ...entry.content,
        items: (entry.content.items ?? []).map((item) => {
          const binding = wanted.get(item.field);
          if (!binding) return item;
          const { dataElement: _bound, ...rest } = item;
          return binding.dataElement === undefined ? rest : { ...rest, dataElement: binding.dataElement };
        }),
      };
      if (entry.state === "draft") return { entry: await entries.changeDraft(actor, entryId, content) };
      if (entry.state !== "published" && entry.state !== "suspended") throw new ConflictError(`Entry ${entryId} is in state ${entry.state}`, { zh: "条目正在审核或已注销,不能绑定数据元", code: "entry.not-editable", nextStep: "Take the submission back first." });
      return { entry, changeRequest: await changeRequests.open(actor, entryId, { content, reason: "绑定数据元" }) };
    },
  };
}

const toCollector = ({ organisationId, entryId, title, field, name }: Collector): Collector => ({ organisationId, entryId, title, field, name });
