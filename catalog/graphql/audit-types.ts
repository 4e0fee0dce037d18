import type { AuditRecord, AuditVerification, ZhengtongSchemaBuilder } from "#platform";
import type { Catalog } from "../catalog.ts";
import { filled, toConnection, toPageRequest } from "./sharing/values.ts";

/** The audit log, for auditors. */
export function addAuditTypes(builder: ZhengtongSchemaBuilder, { audit }: Pick<Catalog, "audit">): void {
  const Record = builder.objectRef<AuditRecord>("AuditRecord").implement({
    description: "Who did what, when, to which object, through which operation, from where; chained by hashes.",
    fields: (t) => ({
      sequence: t.exposeFloat("sequence"),
      at: t.field({ type: "DateTime", resolve: (record) => record.at }),
      actorId: t.exposeID("actorId"),
      actorKind: t.exposeString("actorKind"),
      organisationId: t.exposeID("organisationId", { nullable: true }),
      action: t.exposeString("action"),
      objectType: t.exposeString("objectType"),
      objectId: t.exposeID("objectId", { nullable: true }),
      operation: t.exposeString("operation", { nullable: true }),
      outcome: t.exposeString("outcome"),
      sourceAddress: t.exposeString("sourceAddress", { nullable: true }),
      correlationId: t.exposeString("correlationId", { nullable: true }),
      detail: t.field({ type: "JSON", resolve: (record) => record.detail }),
      hash: t.exposeString("hash"),
      previousHash: t.exposeString("previousHash"),
    }),
  });
  const Verification = builder.objectRef<AuditVerification>("AuditVerification").implement({
    fields: (t) => ({
      intact: t.exposeBoolean("intact"),
      records: t.exposeFloat("records"),
      headHash: t.exposeString("headHash"),
      firstBrokenSequence: t.float({ nullable: true, resolve: (verification) => verification.firstBroken?.sequence }),
      firstBrokenReason: t.string({ nullable: true, resolve: (verification) => verification.firstBroken?.reason }),
    }),
  });
  const Filter = builder.inputType("AuditFilter", {
    fields: (t) => ({
      objectType: t.string({ required: false }),
      objectId: t.id({ required: false }),
      actorId: t.id({ required: false }),
      action: t.string({ required: false }),
      organisationId: t.id({ required: false }),
      from: t.field({ type: "DateTime", required: false }),
      until: t.field({ type: "DateTime", required: false }),
    }),
  });
  builder.queryFields((t) => ({
    auditRecords: t.connection({
      type: Record,
      description: "Newest first.",
      args: { filter: t.arg({ type: Filter, required: false }) },
      resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await audit.list(actor, filled(filter ?? {}), toPageRequest(page))),
    }),
    verifyAudit: t.field({ type: Verification, description: "Checks the whole chain.", complexity: 500, resolve: (_root, _args, { actor }) => audit.verify(actor) }),
  }));
}
