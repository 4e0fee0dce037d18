import { formatResourcePrefix, isRegionCode, isSocialCreditCode, searchCodes, type Organisation as OrganisationContent } from "#standards";
import { ConflictError, type Actor, type Kernel, type Transaction } from "#platform";
import type { IdentifierArea } from "../../model/identifiers.ts";
import type { Organisation } from "../../model/types.ts";
import { allocateNumbers } from "../../numbers/number-series.ts";
import { insertOrganisation } from "../../organisations/organisation-repository.ts";

const highestDepartmentNumber = 999;

export interface NewOrganisation {
  name: string;
  /** As the file writes it. */
  shortName?: string;
  socialCreditCode?: string;
}

/** GB/T 2260 of a city by its name, e.g. 泸州市 → 510500. */
export function regionOfCity(city: string | undefined): string | undefined {
  if (city === undefined) return undefined;
  const code = searchCodes("GB/T 2260", city, { limit: 20 }).find((entry) => entry.label === city && entry.code.endsWith("00"))?.code;
  return code !== undefined && isRegionCode(code) ? code : undefined;
}

/** What a new department is recorded as; the caller validates it. */
export function organisationContent({ name, shortName, socialCreditCode }: NewOrganisation, regionCode: string): Omit<OrganisationContent, "departmentNumber"> {
  return {
    name,
    kind: "department",
    regionCode,
    ...(shortName === undefined || shortName === name || shortName.length > 40 ? {} : { shortName }),
    ...(socialCreditCode !== undefined && isSocialCreditCode(socialCreditCode) ? { socialCreditCode } : {}),
  };
}

/** Departments with numbers of their own. Their events follow with `announceOrganisations`, behind those of the entries: appending holds a lock. */
export async function createOrganisations(tx: Transaction, { clock, newId }: Pick<Kernel, "clock" | "newId">, area: IdentifierArea, contents: readonly Omit<OrganisationContent, "departmentNumber">[]): Promise<Organisation[]> {
  if (contents.length === 0) return [];
  const first = (await allocateNumbers(tx, new Map([["department", contents.length]]))).get("department")!;
  if (first + contents.length - 1 > highestDepartmentNumber) {
    throw new ConflictError(`The file names ${contents.length} new departments; only ${Math.max(0, highestDepartmentNumber - first + 1)} of the 999 department numbers are left`, { zh: `文件中有 ${contents.length} 个新机构,剩余部门顺序号不足`, code: "organisation.numbers-used-up", nextStep: "Register the departments that are wanted first, and import without creating others." });
  }
  const at = clock.now();
  const made: Organisation[] = [];
  for (const [index, content] of contents.entries()) {
    const departmentNumber = first + index;
    const organisation: Organisation = { ...content, id: newId("organisation"), departmentNumber, prefix: formatResourcePrefix({ province: area.provinceCode, area: area.areaLetter, departmentNumber }), active: true };
    await insertOrganisation(tx, organisation, at);
    made.push(organisation);
  }
  return made;
}

export async function announceOrganisations(tx: Transaction, { eventLog, audit }: Pick<Kernel, "eventLog" | "audit">, actor: Actor, made: readonly Organisation[]): Promise<void> {
  if (made.length === 0) return;
  await eventLog.append(tx, actor, made.map(({ id }) => ({ subjectType: "organisation", subjectId: id, kind: "organisation.created", organisationId: id, payload: { organisationId: id } })));
  await audit.record(tx, actor, { action: "organisation.create", objectType: "organisation", detail: { count: made.length, organisationIds: made.map(({ id }) => id) } });
}
