import type { Access, Actor, SqlCondition } from "#platform";

type Present<Members> = { [Name in keyof Members]?: NonNullable<Members[Name]> };

/** The members that are not null: rows have null, everything above has absence. */
export function present<Members extends Record<string, unknown>>(members: Members): Present<Members> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== undefined)) as Present<Members>;
}

/** A caller's view as an SQL condition, once the list says which columns it has. */
export type ListAccess = (column: (field: string) => string, firstPlaceholder: number) => SqlCondition;

export const listAccess =
  (access: Access, actor: Actor, kind: string, action = "see"): ListAccess =>
  (column, firstPlaceholder) =>
    access.condition(actor, kind, action, { column, firstPlaceholder });

/** For a scope's `column`: only the fields that the table names, so that a new scope cannot guess one. */
export function columnsOf(table: Record<string, string>): (field: string) => string {
  return (field) => {
    const column = table[field];
    if (column === undefined) throw new Error(`No column for the scope field ${field}`);
    return column;
  };
}

/** Keyset of lists that show what moved last first. */
export interface Keyset {
  at: Date;
  id: string;
}
