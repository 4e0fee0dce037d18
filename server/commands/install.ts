import { NotFoundError, systemActor } from "#platform";
import { askPassword } from "./catalog-desk.ts";
import { withCenterServices } from "./center-services.ts";

const actor = systemActor("install");

export interface RunBootstrapOptions {
  office: string;
  region: string;
  user: string;
  name?: string;
  config?: string;
}

/** Makes the city data office and its first administrator, once: whoever can start a centre has the right to. */
export async function runBootstrap(options: RunBootstrapOptions): Promise<void> {
  await withCenterServices(options, async ({ catalog }) => {
    const password = process.env.ZHENGTONG_PASSWORD ?? (await askPassword(options.user));
    const { organisation, administrator } = await catalog.users.bootstrap(actor, {
      cityDataOffice: { name: options.office, kind: "city-data-office", regionCode: options.region },
      administrator: { username: options.user, displayName: options.name ?? options.user, password },
    });
    process.stdout.write(`${administrator.username} is the first administrator of ${organisation.name} 首个管理员已创建\n`);
  });
}

export interface RunEnrolOptions {
  organisation: string;
  hours: number;
  config?: string;
  json?: boolean;
}

/** Invites a node of a department: prints the code that its first start takes. */
export async function runEnrol(name: string, options: RunEnrolOptions): Promise<void> {
  await withCenterServices(options, async ({ catalog, exchange }) => {
    const organisation = await catalog.organisations.find(actor, options.organisation);
    if (!organisation) throw new NotFoundError(`No organisation is called ${options.organisation}`, { zh: `没有名为“${options.organisation}”的机构`, code: "organisation.not-found", nextStep: "An administrator registers it first (createOrganisation)." });
    const { nodeId, code, expiresAt } = await exchange.nodes.createEnrolmentCode(actor, { organisationId: organisation.id, name, validForMs: options.hours * 3_600_000 });
    if (options.json) process.stdout.write(`${JSON.stringify({ nodeId, name, organisationId: organisation.id, code, expiresAt })}\n`);
    else {
      process.stdout.write(`${code}\n`);
      process.stderr.write(`for the first start of node ${name} of ${organisation.name}, until ${expiresAt.toISOString()}; it works once 注册码仅可使用一次\n`);
    }
  });
}
