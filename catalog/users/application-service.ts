import { ConflictError, InputError, isUniqueViolation, NotFoundError, type Actor, type Kernel, type Transaction } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import type { Application } from "../model/types.ts";
import { findOrganisation } from "../organisations/organisation-repository.ts";
import { findApiToken, findApplication, findApplications, insertApiToken, insertApplication, listApiTokens, listApplications, revokeApiToken, updateApplication, type ApiToken } from "./application-repository.ts";
import { createToken } from "./tokens.ts";

export interface ApplicationService {
  create(actor: Actor, input: { name: string; organisationId: string }): Promise<Application>;
  change(actor: Actor, applicationId: string, changes: { name?: string; active?: boolean }): Promise<Application>;
  get(actor: Actor, applicationId: string): Promise<Application>;
  getMany(actor: Actor, ids: readonly string[]): Promise<(Application | undefined)[]>;
  list(actor: Actor, filter: { organisationId?: string }, page: PageRequest): Promise<Page<Application>>;
  /** `token` is shown this once. At most 400 days. */
  createToken(actor: Actor, applicationId: string, input: { label: string; expiresAt: Date }): Promise<{ token: string; record: ApiToken }>;
  revokeToken(actor: Actor, tokenId: string): Promise<void>;
  listTokens(actor: Actor, applicationId: string): Promise<ApiToken[]>;
}

const longestTokenMs = 400 * 86_400_000;

export function createApplicationService({ kernel }: { kernel: Kernel }): ApplicationService {
  const { access, audit, clock, database, newId } = kernel;

  const missing = (id: string) => new NotFoundError(`No application ${id} that you may see`, { zh: "对象不存在或无权查看", code: "application.not-found" });

  async function getManaged(tx: Transaction, actor: Actor, applicationId: string): Promise<Application> {
    const application = await findApplication(tx, applicationId, "for update");
    if (!application) throw missing(applicationId);
    access.assert(actor, "application", "manage", application);
    return application;
  }

  async function getSeen(actor: Actor, applicationId: string): Promise<Application> {
    const application = await database.read((reader) => findApplication(reader, applicationId));
    if (!application) throw missing(applicationId);
    access.assert(actor, "application", "see", application);
    return application;
  }

  function assertName(name: string): void {
    if (name.trim().length < 2 || name.length > 100) throw new InputError("An application's name has 2 to 100 characters", { zh: "应用名称为 2 至 100 个字", issues: [{ path: "/name", code: "application.name", message: "has 2 to 100 characters", zh: "应用名称为 2 至 100 个字" }] });
  }

  async function unlessTaken<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (isUniqueViolation(error)) throw new ConflictError("The department has an application of this name", { zh: "本部门已有同名应用", code: "application.exists", nextStep: "Choose another name.", cause: error });
      throw error;
    }
  }

  return {
    async create(actor, { name, organisationId }) {
      const target: { id?: string; organisationId: string } = { organisationId };
      access.assert(actor, "application", "manage", target);
      assertName(name);
      return unlessTaken(
        database.withTransaction(async (tx) => {
          if (!(await findOrganisation(tx, organisationId))?.active) throw new InputError(`Organisation ${organisationId} does not exist or is closed`, { zh: "所属机构不存在或已停用", code: "application.organisation" });
          const application: Application = { id: newId("application"), name, organisationId, active: true };
          await insertApplication(tx, application, clock.now());
          await audit.record(tx, actor, { action: "application.create", objectType: "application", objectId: application.id, detail: { organisationId } });
          return application;
        }),
      );
    },

    async change(actor, applicationId, changes) {
      access.assertAnyScope(actor, "application", "manage");
      return unlessTaken(
        database.withTransaction(async (tx) => {
          const after: Application = { ...(await getManaged(tx, actor, applicationId)), ...changes };
          assertName(after.name);
          await updateApplication(tx, after, clock.now());
          await audit.record(tx, actor, { action: "application.change", objectType: "application", objectId: applicationId, detail: { members: Object.keys(changes), active: after.active } });
          return after;
        }),
      );
    },

    get: getSeen,

    async getMany(actor, ids) {
      const found = await database.read((reader) => findApplications(reader, ids));
      return ids.map((id) => {
        const application = found.get(id);
        return application && access.allows(actor, "application", "see", application) ? application : undefined;
      });
    },

    async list(actor, { organisationId }, { first, after }) {
      access.assertAnyScope(actor, "application", "see");
      checkPageSize(first);
      const condition = access.condition(actor, "application", "see", { column: (field) => (field === "organisationId" ? "organisation_id" : field), firstPlaceholder: 4 });
      const afterId = after === undefined ? "" : String(decodeCursor(after, 1)[0]);
      return toPage(await database.read((reader) => listApplications(reader, { organisationId, afterId, limit: first + 1, condition })), first, (row) => encodeCursor([row.id]));
    },

    async createToken(actor, applicationId, { label, expiresAt }) {
      access.assertAnyScope(actor, "application", "manage");
      return database.withTransaction(async (tx) => {
        const application = await getManaged(tx, actor, applicationId);
        if (!application.active) throw new ConflictError(`Application ${applicationId} is closed`, { zh: "应用已停用", code: "application.closed", nextStep: "Open the application first." });
        const now = clock.now();
        if (expiresAt <= now || expiresAt.getTime() - now.getTime() > longestTokenMs) throw new InputError("A token ends in the future, at most 400 days from now", { zh: "令牌有效期须在未来 400 天以内", issues: [{ path: "/expiresAt", code: "token.expiry", message: "lies in the future, at most 400 days from now", zh: "有效期须在未来 400 天以内" }] });
        const { token, tokenHash } = createToken("zt_");
        const record: ApiToken = { id: newId("token"), applicationId, label: label.slice(0, 100), createdAt: now, createdBy: actor.id, expiresAt };
        await insertApiToken(tx, record, tokenHash);
        await audit.record(tx, actor, { action: "application.create-token", objectType: "application", objectId: applicationId, detail: { tokenId: record.id, expiresAt } });
        return { token, record };
      });
    },

    async revokeToken(actor, tokenId) {
      access.assertAnyScope(actor, "application", "manage");
      await database.withTransaction(async (tx) => {
        const token = await findApiToken(tx, tokenId);
        if (!token) throw new NotFoundError(`No token ${tokenId}`, { zh: "令牌不存在", code: "token.not-found" });
        await getManaged(tx, actor, token.applicationId);
        if (await revokeApiToken(tx, tokenId, clock.now())) await audit.record(tx, actor, { action: "application.revoke-token", objectType: "application", objectId: token.applicationId, detail: { tokenId } });
      });
    },

    async listTokens(actor, applicationId) {
      await getSeen(actor, applicationId);
      return database.read((reader) => listApiTokens(reader, applicationId));
    },
  };
}
