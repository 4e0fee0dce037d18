import type { Organisation as OrganisationContent } from "#standards";
import type { Actor } from "#platform";
import type { Organisation } from "../model/types.ts";
import type { Page, PageRequest } from "../model/page.ts";

/** What a caller may state of an organisation; number and prefix are allocated. */
export type OrganisationInput = Omit<OrganisationContent, "departmentNumber">;

export interface OrganisationFilter {
  kind?: OrganisationContent["kind"];
  active?: boolean;
  /** Part of the name or short name. */
  text?: string;
}

export interface OrganisationService {
  /** Allocates the department number (1–999, never reused) and the resource identifier prefix. City data office only. */
  create(actor: Actor, input: OrganisationInput): Promise<Organisation>;
  /** The city data office changes everything; a department's administrator its short name, address and contact. */
  change(actor: Actor, organisationId: string, changes: Partial<OrganisationInput> & { active?: boolean }): Promise<Organisation>;
  get(actor: Actor, organisationId: string): Promise<Organisation>;
  /** In the order of `ids`; undefined where there is none. */
  getMany(actor: Actor, ids: readonly string[]): Promise<(Organisation | undefined)[]>;
  /** By full or short name. */
  find(actor: Actor, name: string): Promise<Organisation | undefined>;
  list(actor: Actor, filter: OrganisationFilter, page: PageRequest): Promise<Page<Organisation>>;
}
