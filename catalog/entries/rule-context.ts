import type { CatalogEntry, DataElement } from "#standards";
import type { Issue, Kernel, Reader } from "#platform";
import { checkContentRules, type ContentRuleContext } from "./content-rules.ts";
import { findTitleHolders } from "./entry-repository.ts";

export interface CheckedContent {
  organisationId: string;
  content: CatalogEntry;
  /** Absent for an entry that is not there yet. */
  entryId?: string;
}

/** Reads what the rules look up for any number of contents, in two statements. */
async function loadContexts(reader: Reader, checked: readonly CheckedContent[]): Promise<(one: CheckedContent) => ContentRuleContext> {
  const identifiers = [...new Set(checked.flatMap(({ content }) => (content.items ?? []).flatMap((item) => item.dataElement ?? [])))];
  const { rows } = await reader.query<{ identifier: string; content: DataElement; status: NonNullable<DataElement["status"]> }>("select identifier, content, status from catalog.data_element where identifier = any($1)", [identifiers]);
  const elements = new Map(rows.map((row) => [row.identifier, { ...row.content, status: row.status }]));
  const holders = await findTitleHolders(reader, checked.map(({ organisationId, content }) => ({ organisationId, title: content.title })));
  const byTitle = new Map<string, string>(holders.map((holder) => [`${holder.organisationId}\n${holder.title}`, holder.entryId]));
  return ({ organisationId, entryId }) => ({
    dataElement: (identifier) => elements.get(identifier),
    isTitleTaken(title) {
      const holder = byTitle.get(`${organisationId}\n${title}`);
      return holder !== undefined && holder !== entryId;
    },
  });
}

/** Everything that keeps each content from being submitted: the schema's findings and the rules'. */
export async function checkContents(reader: Reader, kernel: Kernel, checked: readonly CheckedContent[]): Promise<Issue[][]> {
  const contextOf = await loadContexts(reader, checked);
  return checked.map((one) => {
    const issues = kernel.validator.validate("catalog-entry", one.content);
    // The rules read members that the schema promises: a malformed content has nothing for them.
    const readable = issues.every((issue) => issue.code === "required" || issue.code === "minItems" || issue.code === "minLength" || issue.code === "format") && Array.isArray(one.content.themeCodes) && Array.isArray(one.content.sharingMethod);
    return readable ? [...issues, ...checkContentRules(one.content, contextOf(one))] : issues;
  });
}
