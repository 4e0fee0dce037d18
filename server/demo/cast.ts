import { anonymousActor, eachAtOnce, systemActor, type Actor } from "#platform";
import { reviewOffices, type Application, type Catalog, type Organisation, type ReviewOffice } from "#catalog";
import type { Role } from "#standards";
import { sampleConsumers } from "../sample-city/flows.ts";
import type { SampleDepartment } from "../sample-city/city-definition.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { Step } from "./account.ts";

/**
 * The people of the sample city: each department's cataloguer, approver and node operator, the city data office, and
 * the four review offices. Everyone logs in with a password of their own; what the demonstration does, it does as them.
 */
export interface DepartmentCast {
  key: string;
  organisation: Organisation;
  cataloguer: Actor;
  approver: Actor;
  operator: Actor;
}

export interface Cast {
  office: { organisation: Organisation; administrator: Actor; reviewer: Actor; cataloguer: Actor; approver: Actor; operator: Actor; auditor: Actor };
  departments: Map<string, DepartmentCast>;
  reviewers: Map<ReviewOffice, Actor>;
  /** Of the benefit department: decides cases; the second one decides appeals. */
  caseOfficers: [Actor, Actor];
  applications: Map<keyof typeof sampleConsumers, Application>;
}

const reviewBodies: Record<ReviewOffice, string> = { informatisation: "市信息化办公室", supervision: "市监察局", "legal-affairs": "市政府法制办公室", secrecy: "市国家保密局" };
const system = systemActor("demo");

export async function assembleCast({ catalog, departments, directory, step }: { catalog: Catalog; departments: readonly SampleDepartment[]; directory: DataDirectory; step: Step }): Promise<Cast> {
  const logins = departments.length * 3 + 2 + 6 + 3;
  let done = 0;

  const password = (username: string) => directory.secret(username);

  async function logIn(username: string): Promise<Actor> {
    const { token } = await catalog.authentication.login({ ...anonymousActor, sourceAddress: "127.0.0.1" }, { username, password: password(username) });
    step.progress((done += 1), logins, username);
    return catalog.authentication.authenticate({ sessionToken: token }, { sourceAddress: "127.0.0.1", correlationId: "demo" });
  }

  if (!(await catalog.users.isBootstrapped())) {
    await catalog.users.bootstrap(system, {
      cityDataOffice: { name: reviewBodies.informatisation, shortName: "信息办", kind: "city-data-office", regionCode: "330100" },
      administrator: { username: "city.administrator", displayName: "市信息办管理员", password: password("city.administrator") },
    });
  }
  const administrator = await logIn("city.administrator");
  const office = await catalog.organisations.get(administrator, administrator.organisationId!);

  async function ensureOrganisation(name: string, kind: Organisation["kind"]): Promise<Organisation> {
    return (await catalog.organisations.find(administrator, name)) ?? catalog.organisations.create(administrator, { name, kind, regionCode: "330100" });
  }

  const existing = new Set<string>();
  for (let after: string | undefined; ; ) {
    const page = await catalog.users.list(administrator, {}, { first: 200, ...(after === undefined ? {} : { after }) });
    for (const user of page.rows) existing.add(user.username);
    if (!page.hasNextPage) break;
    after = page.cursors.at(-1);
  }

  async function ensureUser(username: string, displayName: string, organisation: Organisation, roles: Role[]): Promise<Actor> {
    if (!existing.has(username)) await catalog.users.create(administrator, { username, displayName, organisationId: organisation.id, roles, password: password(username) });
    return logIn(username);
  }

  const cast: Cast = {
    office: {
      organisation: office,
      administrator,
      reviewer: await ensureUser("city.reviewer", "市信息办审核员", office, ["city-reviewer"]),
      cataloguer: await ensureUser("city.cataloguer", "市信息办编目员", office, ["cataloguer"]),
      approver: await ensureUser("city.approver", "市信息办审批人", office, ["approver"]),
      operator: await ensureUser("city.operator", "市信息办节点运维", office, ["node-operator", "analyst"]),
      auditor: await ensureUser("city.auditor", "市信息办审计员", office, ["auditor"]),
    },
    departments: new Map(),
    reviewers: new Map(),
    caseOfficers: [system, system],
    applications: new Map(),
  };
  await eachAtOnce(departments, 2, async ({ key, name }) => {
    const organisation = await ensureOrganisation(name, "department");
    // Hashing a password is meant to take time; a department's three are done side by side.
    const [cataloguer, approver, operator] = await Promise.all([
      ensureUser(`${key}.cataloguer`, `${name}编目员`, organisation, ["cataloguer"]),
      ensureUser(`${key}.approver`, `${name}审批人`, organisation, ["approver"]),
      ensureUser(`${key}.operator`, `${name}节点运维`, organisation, ["node-operator"]),
    ]);
    cast.departments.set(key, { key, organisation, cataloguer, approver, operator });
  });
  for (const part of reviewOffices) {
    const organisation = part === "informatisation" ? office : await ensureOrganisation(reviewBodies[part], "review-office");
    cast.reviewers.set(part, await ensureUser(`review.${part}`, `${reviewBodies[part]}审核员`, organisation, ["review-office"]));
    const assigned = (await catalog.sharing.reviews.offices(administrator)).find((entry) => entry.office === part);
    if (assigned?.organisationId !== organisation.id) await catalog.sharing.reviews.assignOffice(administrator, part, organisation.id);
  }
  const benefits = cast.departments.get("laodong")!.organisation;
  cast.caseOfficers = [await ensureUser("laodong.officer-a", "失业保险经办甲", benefits, ["case-officer"]), await ensureUser("laodong.officer-b", "失业保险经办乙", benefits, ["case-officer"])];

  const known = await catalog.applications.list(administrator, { organisationId: office.id }, { first: 100 });
  for (const key of Object.keys(sampleConsumers) as (keyof typeof sampleConsumers)[]) {
    const { name } = sampleConsumers[key];
    cast.applications.set(key, known.rows.find((application) => application.name === name) ?? (await catalog.applications.create(administrator, { name, organisationId: office.id })));
  }
  return cast;
}
