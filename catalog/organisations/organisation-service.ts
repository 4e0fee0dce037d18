import { formatResourcePrefix, type Organisation as OrganisationContent } from "#standards";
import { ConflictError, InputError, isUniqueViolation, NotFoundError, type Actor, type Kernel, type Transaction } from "#platform";
import type { IdentifierArea } from "../model/identifiers.ts";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import type { Organisation } from "../model/types.ts";
import { allocateNumber } from "../numbers/number-series.ts";
import { findOrganisation, findOrganisationByName, findOrganisations, insertOrganisation, listOrganisations, updateOrganisation } from "./organisation-repository.ts";

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

export interface CreateOrganisationServiceOptions {
  kernel: Kernel;
  area: IdentifierArea;
}

const highestDepartmentNumber = 999;
const contactMembers = new Set(["shortName", "address", "contact"]);

export function createOrganisationService({ kernel, area }: CreateOrganisationServiceOptions): OrganisationService {
  const { access, audit, clock, database, eventLog, newId, validator } = kernel;

  async function getOrganisation(tx: Transaction, id: string): Promise<Organisation> {
    const found = await findOrganisation(tx, id, "for update");
    if (!found) throw new NotFoundError(`No organisation ${id}`, { zh: "机构不存在", code: "organisation.not-found" });
    return found;
  }

  async function record(tx: Transaction, actor: Actor, kind: "organisation.created" | "organisation.changed", organisationId: string, members: readonly string[]): Promise<void> {
    await eventLog.append(tx, actor, [{ subjectType: "organisation", subjectId: organisationId, kind, organisationId, payload: { organisationId } }]);
    await audit.record(tx, actor, { action: kind === "organisation.created" ? "organisation.create" : "organisation.change", objectType: "organisation", objectId: organisationId, detail: { members } });
  }

  return {
    async create(actor, input) {
      access.assert(actor, "organisation", "create", {});
      assertContent(input);
      try {
        return await database.withTransaction(async (tx) => {
          const departmentNumber = await allocateNumber(tx, "department");
          if (departmentNumber > highestDepartmentNumber) throw new ConflictError("All 999 department numbers of this area are given out", { zh: "本区域 999 个部门顺序号已用完", code: "organisation.numbers-used-up", nextStep: "Numbers of dissolved departments are never reused; register further bodies under another area letter." });
          const organisation: Organisation = { ...input, id: newId("organisation"), departmentNumber, prefix: formatResourcePrefix({ province: area.provinceCode, area: area.areaLetter, departmentNumber }), active: true };
          await insertOrganisation(tx, organisation, clock.now());
          await record(tx, actor, "organisation.created", organisation.id, Object.keys(input));
          return organisation;
        });
      } catch (error) {
        throw asConflict(error, input.name);
      }
    },

    async change(actor, organisationId, changes) {
      const members = Object.keys(changes);
      access.assert(actor, "organisation", members.every((member) => contactMembers.has(member)) ? "change-contact" : "change", { id: organisationId });
      try {
        return await database.withTransaction(async (tx) => {
          const before = await getOrganisation(tx, organisationId);
          const after: Organisation = { ...before, ...changes, id: before.id, departmentNumber: before.departmentNumber, prefix: before.prefix };
          const { id: _id, prefix: _prefix, active: _active, departmentNumber: _number, ...content } = after;
          assertContent(content);
          await updateOrganisation(tx, after, clock.now());
          await record(tx, actor, "organisation.changed", organisationId, members);
          return after;
        });
      } catch (error) {
        throw asConflict(error, changes.name ?? organisationId);
      }
    },

    async get(actor, organisationId) {
      access.assert(actor, "organisation", "see", { id: organisationId });
      const found = await database.read((reader) => findOrganisation(reader, organisationId));
      if (!found) throw new NotFoundError(`No organisation ${organisationId}`, { zh: "机构不存在", code: "organisation.not-found" });
      return found;
    },

    async getMany(actor, ids) {
      access.assertAnyScope(actor, "organisation", "see");
      const found = await database.read((reader) => findOrganisations(reader, ids));
      return ids.map((id) => found.get(id));
    },

    async find(actor, name) {
      access.assertAnyScope(actor, "organisation", "see");
      return database.read((reader) => findOrganisationByName(reader, name));
    },

    async list(actor, filter, { first, after }) {
      access.assertAnyScope(actor, "organisation", "see");
      checkPageSize(first);
      const afterNumber = after === undefined ? 0 : Number(decodeCursor(after, 1)[0]);
      const rows = await database.read((reader) => listOrganisations(reader, { ...filter, afterNumber, limit: first + 1 }));
      return toPage(rows, first, (row) => encodeCursor([row.departmentNumber]));
    },
  };

  function assertContent(content: OrganisationInput): void {
    if ("departmentNumber" in content) throw new InputError("The department number is allocated, not typed", { zh: "部门顺序号由平台分配,不能填写", issues: [{ path: "/departmentNumber", code: "organisation.number-allocated", message: "is allocated", zh: "由平台分配" }] });
    validator.assertValid("organisation", content, { en: "The organisation", zh: "机构信息" });
  }
}

const constraints: Record<string, { message: string; zh: string }> = {
  organisation_name_key: { message: "An organisation of this name exists", zh: "已有同名机构" },
  organisation_social_credit_code_key: { message: "An organisation with this unified social credit code exists", zh: "该统一社会信用代码已登记" },
  organisation_one_city_data_office: { message: "There is a city data office already", zh: "已有主管部门" },
};

function asConflict(error: unknown, name: string): unknown {
  const known = isUniqueViolation(error) ? constraints[(error as { constraint?: string }).constraint ?? ""] : undefined;
  return known ? new ConflictError(`${known.message}: ${name}`, { zh: `${known.zh}:${name}`, code: "organisation.exists", cause: error, nextStep: "Change the existing organisation instead." }) : error;
}
