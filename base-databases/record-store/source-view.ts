import { maskValue, type MaskRule, type RowCondition } from "#standards";
import type { Actor } from "#platform";
import type { BaseName } from "./definition.ts";
import type { AttachedSource } from "./sources.ts";

/** A source about which it is asked whether an actor may see what it says of one person or firm. */
export interface AuthoritySource {
  sourceId: number;
  role: string;
  entryId: string;
  organisationId: string;
  /** The grant under which the base itself holds the rows. */
  grantId: string;
}

/** What an actor may see of one source: the content of a grant of its own. */
export interface LifecyclePermit {
  sourceId: number;
  /** Absent: its own department's rows. */
  grantId?: string;
  /** Columns; absent: all. */
  fields?: readonly string[];
  masks?: Readonly<Record<string, MaskRule>>;
  /** Key of the mask `hash`. */
  maskKey?: string;
  rowCondition?: RowCondition;
}

/**
 * Decides under which grants an actor sees what single departments say of a person or firm (wired by the composition
 * root to the catalog's grants). A source that the answer leaves out is refused.
 */
export interface LifecycleAuthority {
  permits(actor: Actor, question: { base: BaseName; purpose: string; sources: readonly AuthoritySource[] }): Promise<readonly LifecyclePermit[]>;
}

export const toAuthoritySource = (source: AttachedSource): AuthoritySource => ({ sourceId: source.id, role: source.role, entryId: source.entryId, organisationId: source.organisationId, grantId: source.grantId });

/** A column's value under a permit; undefined when it may not be seen. */
export function permittedValue(permit: LifecyclePermit | undefined, column: string, value: string | null): { value: string | null; masked: boolean } | undefined {
  if (!permit || (permit.fields && !permit.fields.includes(column))) return undefined;
  const rule = permit.masks?.[column];
  if (rule === undefined) return { value, masked: false };
  // Without its key the digest cannot be made: then nothing is shown.
  if (rule === "hash" && permit.maskKey === undefined) return undefined;
  return { value: maskValue(rule, value, permit.maskKey === undefined ? {} : { hashKey: permit.maskKey }), masked: true };
}
