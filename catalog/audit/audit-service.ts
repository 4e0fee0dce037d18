import { NotAllowedError, type Actor, type AuditFilter, type AuditRecord, type AuditVerification, type Kernel } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";

export type AuditQuery = Pick<AuditFilter, "objectType" | "objectId" | "actorId" | "action" | "organisationId" | "from" | "until">;

/** The audit log for auditors: the city's read all of it, a department's its own records. */
export interface AuditService {
  /** Newest first. */
  list(actor: Actor, filter: AuditQuery, page: PageRequest): Promise<Page<AuditRecord>>;
  /** Checks the whole chain. City auditors. */
  verify(actor: Actor): Promise<AuditVerification>;
}

export function createAuditService({ kernel }: { kernel: Kernel }): AuditService {
  const { access, audit, database } = kernel;
  const seesAll = (actor: Actor) => access.allows(actor, "audit", "see", {});

  return {
    async list(actor, filter, { first, after }) {
      access.assertAnyScope(actor, "audit", "see");
      checkPageSize(first);
      const own = actor.organisationId ?? "";
      if (!seesAll(actor) && filter.organisationId !== undefined && filter.organisationId !== own) throw new NotAllowedError("A department's auditor reads the department's own records", { zh: "部门审计只能查看本部门的审计记录", code: "audit.see.not-allowed" });
      const beforeSequence = after === undefined ? undefined : Number(decodeCursor(after, 1)[0]);
      const rows = await database.read((reader) => audit.list(reader, { ...filter, ...(seesAll(actor) ? {} : { organisationId: own }), newestFirst: true, limit: first + 1, ...(beforeSequence === undefined ? {} : { beforeSequence }) }));
      return toPage(rows, first, (row) => encodeCursor([row.sequence]));
    },

    async verify(actor) {
      access.assert(actor, "audit", "see", {});
      return database.read((reader) => audit.verify(reader));
    },
  };
}
