import type { CatalogEntry } from "#standards";
import { InputError, type Issue, type Validator } from "#platform";

/**
 * A draft may be half-written, but never malformed: what is missing or empty of the members below is a gap, told and
 * filled later; anything else that the schema finds keeps the content from being stored.
 */
const mayBeEmpty: ReadonlySet<string> = new Set(["/abstract", "/themeCodes", "/sharingMethod", "/format/types", "/items", "/sharingCondition", "/refusalBasis"]);
const emptiness: ReadonlySet<string> = new Set(["required", "minItems", "minLength"]);

export interface DraftVerdict {
  content: CatalogEntry;
  /** What keeps it from being stored. */
  problems: Issue[];
  /** What keeps it from being submitted, as far as the schema goes. */
  gaps: Issue[];
}

/** Fills absent lists and texts with empty ones and sorts the schema's findings. */
export function checkDraft(validator: Validator, given: CatalogEntry): DraftVerdict {
  // What came from outside is typed on trust; the schema below is what decides.
  const loose = given as Partial<CatalogEntry> | null | undefined;
  const content = { ...loose, abstract: loose?.abstract ?? "", themeCodes: loose?.themeCodes ?? [], sharingMethod: loose?.sharingMethod ?? [] } as CatalogEntry;
  if (typeof loose?.format === "object" && loose.format !== null) content.format = { ...loose.format, types: loose.format.types ?? [] };
  if (typeof content.title === "string") content.title = content.title.trim();
  const issues = validator.validate("catalog-entry", content);
  const isGap = (issue: Issue) => mayBeEmpty.has(issue.path) && emptiness.has(issue.code);
  return { content, problems: issues.filter((issue) => !isGap(issue)), gaps: issues.filter(isGap) };
}

/** The content as it is stored. */
export function assertDraft(validator: Validator, given: CatalogEntry): DraftVerdict {
  const verdict = checkDraft(validator, given);
  if (verdict.problems.length > 0) throw invalidContent([...verdict.problems, ...verdict.gaps]);
  return verdict;
}

export function invalidContent(issues: Issue[], what: { en: string; zh: string } = { en: "The entry", zh: "目录条目" }): InputError {
  return new InputError(`${what.en} has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: `${what.zh}有 ${issues.length} 处问题:${issues[0]!.path} ${issues[0]!.zh}`, code: "entry.invalid", issues, nextStep: "Put right what `issues` names and try again." });
}
