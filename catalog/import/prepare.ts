import type { CatalogEntry } from "#standards";
import { canonicalJson } from "#platform";
import type { Organisation } from "../model/types.ts";
import type { KnownEntry } from "./import-repository.ts";
import type { ImportIssue, ImportOutcome, ImportRecord, Severity } from "./model.ts";
import { shorten } from "./model.ts";
import type { OrganisationMatcher } from "./organisations/match-organisations.ts";
import { outcomeNames } from "./report-text.ts";

/** A record on its way to an outcome. */
export interface PreparedRow {
  position: number;
  record: ImportRecord;
  issues: ImportIssue[];
  organisation?: Organisation;
  /** The provider's full name when it is going to be created. */
  newOrganisation?: string;
  content?: CatalogEntry;
  entryId?: string;
  entryCode?: string;
  outcome?: ImportOutcome;
}

type ColumnFor = (record: ImportRecord, path: string) => string | undefined;

export function addIssue(row: PreparedRow, columnFor: ColumnFor, severity: Severity, path: string, code: string, words: { en: string; zh: string }, value?: string): void {
  const column = columnFor(row.record, path);
  row.issues.push({ row: row.record.row, path, code, severity, message: words.en, zh: words.zh, ...(row.record.sheet === undefined ? {} : { sheet: row.record.sheet }), ...(column === undefined ? {} : { column }), ...(value === undefined || value === "" ? {} : { value: shorten(value) }) });
}

export function reject(row: PreparedRow): void {
  row.outcome = "rejected";
  delete row.content;
}

export interface AssignOrganisationsOptions {
  matcher: OrganisationMatcher;
  /** That all rows belong to. */
  forced: Organisation | undefined;
  createUnknown: boolean;
  mayImportFor(organisation: Organisation): boolean;
  columnFor: ColumnFor;
}

/** Whose each row is. What is unknown is to be created or keeps the row out. */
export function assignOrganisations(rows: readonly PreparedRow[], { matcher, forced, createUnknown, mayImportFor, columnFor }: AssignOrganisationsOptions): void {
  for (const row of rows) {
    const { providerName, providerCode } = row.record;
    if (forced !== undefined) {
      const stated = providerName === undefined ? undefined : matcher.match(providerName, providerCode);
      if (stated !== undefined && "organisation" in stated && stated.organisation.id !== forced.id) addIssue(row, columnFor, "warning", "/organisation", "organisation.overridden", { en: `the row names another provider; it is imported for ${forced.name} as asked`, zh: `本行的提供方为其他机构,按指定导入到“${forced.name}”` }, providerName);
      row.organisation = forced;
      continue;
    }
    if (providerName === undefined && providerCode === undefined) {
      addIssue(row, columnFor, "error", "/organisation", "value.missing", { en: "the provider is missing", zh: "缺少提供方" });
      continue;
    }
    const match = matcher.match(providerName, providerCode);
    if ("several" in match) addIssue(row, columnFor, "error", "/organisation", "organisation.ambiguous", { en: `several organisations go by this name: ${match.several.map((each) => each.name).join(", ")}; write the full name`, zh: `有多个机构使用该名称:${match.several.map((each) => each.name).join("、")},请填写全称` }, providerName);
    else if ("unknown" in match) {
      if (createUnknown && providerName !== undefined) {
        row.newOrganisation = match.fullName;
        if (/^(外部|其他|其它|未知|测试|无)/.test(providerName)) addIssue(row, columnFor, "warning", "/organisation", "organisation.doubtful", { en: "does not read like the name of a body; it was registered as one", zh: "不像机构名称,已按机构登记,请核对" }, providerName);
      }
      else addIssue(row, columnFor, "error", "/organisation", "organisation.unknown", { en: `no such provider is registered${match.suggestion === undefined ? "" : `; is it ${match.suggestion.name}?`}`, zh: `提供方未登记${match.suggestion === undefined ? "" : `,是否为“${match.suggestion.name}”?`}` }, providerName ?? providerCode);
    } else if (!match.organisation.active) addIssue(row, columnFor, "error", "/organisation", "organisation.closed", { en: "the provider is closed", zh: "提供方机构已停用" }, providerName);
    else if (!mayImportFor(match.organisation)) addIssue(row, columnFor, "error", "/organisation", "organisation.not-allowed", { en: "you may not import for this provider: its own cataloguers or a city reviewer may", zh: "无权为该提供方导入,应由该部门编目员或市级审核人员导入" }, providerName);
    else row.organisation = match.organisation;
  }
}

const ownerOf = (row: PreparedRow): string => row.organisation?.id ?? `new ${row.newOrganisation ?? ""}`;

/** The same thing twice in one file: by the entry it was exported from, by its source's key, or without either by provider and title. */
export function findDuplicates(rows: readonly PreparedRow[], columnFor: ColumnFor): void {
  const byKey = new Map<string, PreparedRow>();
  const byTitle = new Map<string, PreparedRow>();
  for (const row of rows) {
    const { content } = row;
    if (content === undefined) continue;
    const titleKey = `${ownerOf(row)}\n${typeof content.title === "string" ? content.title.trim() : ""}`;
    const key = row.record.entryId ?? content.sourceReference ?? titleKey;
    const first = byKey.get(key);
    if (first !== undefined) {
      const same = first.content !== undefined && ownerOf(first) === ownerOf(row) && canonicalJson(first.content) === canonicalJson(content);
      const path = content.sourceReference === undefined ? "/title" : "/sourceReference";
      if (same) addIssue(row, columnFor, "note", path, "duplicate.same", { en: `says the same as row ${first.record.row}`, zh: `与第 ${first.record.row} 行内容相同` });
      else addIssue(row, columnFor, "error", path, "duplicate.key", content.sourceReference === undefined ? { en: `the provider has this title in row ${first.record.row} already, with other content: give it another title, or delete one of them`, zh: `同一提供方在第 ${first.record.row} 行已有同名但内容不同的条目,请改名或删除其一` } : { en: `has the same id at its source as row ${first.record.row}, with other content`, zh: `来源标识与第 ${first.record.row} 行相同但内容不同` }, content.title);
      if (same) {
        row.outcome = "skipped";
        delete row.content;
      }
      continue;
    }
    byKey.set(key, row);
    const other = byTitle.get(titleKey);
    if (other === undefined) byTitle.set(titleKey, row);
    else addIssue(row, columnFor, "warning", "/title", "duplicate.title", { en: `the provider has this title in row ${other.record.row} too, as another data set: rename one before submission`, zh: `同一提供方在第 ${other.record.row} 行有同名的另一数据集,提交前请改名` }, content.title);
  }
}

export interface MatchCatalogOptions {
  known: readonly KnownEntry[];
  organisationName(id: string): string;
  columnFor: ColumnFor;
}

/** Which entry of the catalog each row is about, if there is one. */
export function matchCatalog(rows: readonly PreparedRow[], { known, organisationName, columnFor }: MatchCatalogOptions): void {
  const byId = new Map(known.map((entry) => [entry.id, entry]));
  const bySource = new Map<string, KnownEntry[]>();
  const byTitle = new Map<string, KnownEntry[]>();
  const push = (map: Map<string, KnownEntry[]>, key: string, entry: KnownEntry) => void map.set(key, [...(map.get(key) ?? []), entry]);
  for (const entry of known) {
    // Known by its id alone: a successor may have its title and source.
    if (entry.state === "withdrawn") continue;
    if (entry.sourceReference !== undefined) push(bySource, entry.sourceReference, entry);
    push(byTitle, `${entry.organisationId}\n${entry.title}`, entry);
  }
  for (const row of rows) {
    const { content, organisation } = row;
    if (content === undefined || organisation === undefined) continue;
    const named = row.record.entryId === undefined ? undefined : byId.get(row.record.entryId);
    if (named?.organisationId === organisation.id) {
      row.entryId = named.id;
      continue;
    }
    const title = typeof content.title === "string" ? content.title.trim() : "";
    const sameTitle = byTitle.get(`${organisation.id}\n${title}`) ?? [];
    if (content.sourceReference === undefined) {
      // No key of its own: the guide makes a title unique for a provider, so it is the key.
      const mine = sameTitle.find((entry) => entry.sourceReference === undefined) ?? sameTitle[0];
      if (mine !== undefined) row.entryId = mine.id;
      continue;
    }
    const sources = bySource.get(content.sourceReference) ?? [];
    const elsewhere = sources.find((entry) => entry.organisationId !== organisation.id);
    if (elsewhere !== undefined && !sources.some((entry) => entry.organisationId === organisation.id)) {
      addIssue(row, columnFor, "error", "/organisation", "organisation.moved", { en: `this data set was imported for ${organisationName(elsewhere.organisationId)} before: withdraw that entry first if it has moved to ${organisation.name}`, zh: `该数据集此前已导入到“${organisationName(elsewhere.organisationId)}”,如确已划转到“${organisation.name}”,请先注销原条目` }, row.record.providerName);
      continue;
    }
    const other = sameTitle.find((entry) => entry.sourceReference !== content.sourceReference);
    if (other !== undefined && sources.length === 0) addIssue(row, columnFor, "warning", "/title", "catalog.duplicate-title", { en: `the provider has an entry of this title from elsewhere (${other.code}): rename or merge one before submission`, zh: `该提供方在目录中已有同名条目(${other.code}),提交前请改名或合并` }, content.title);
  }
}

/** A cell cannot tell an empty member from an absent one: what was empty before and shows nothing stays empty. */
export function keepEmptyMembers(content: CatalogEntry, before: CatalogEntry): CatalogEntry {
  const empty = Object.entries(before).filter(([member, value]) => (value === "" || (Array.isArray(value) && value.length === 0)) && content[member as keyof CatalogEntry] === undefined);
  return empty.length === 0 ? content : { ...content, ...Object.fromEntries(empty) };
}

/** Strict: nothing is imported, and every row says so. */
export function withholdAll(rows: readonly PreparedRow[]): void {
  for (const row of rows) {
    if (row.outcome === "rejected" || row.outcome === undefined) continue;
    const would = outcomeNames[row.outcome];
    if (row.outcome !== "skipped") row.issues.push({ row: row.record.row, path: "/", code: "strict.withheld", severity: "note", message: `would have been ${would.en}; withheld because other rows were rejected (strict)`, zh: `本可${would.zh},因其他行未通过,按严格模式未导入` });
    row.outcome = "skipped";
    delete row.entryId;
    delete row.entryCode;
  }
}
