import { useRecordRetentionYears } from "#standards";
import { ConflictError, InputError, NotFoundError, type Actor, type Issue, type Kernel, type Transaction } from "#platform";
import { addDays, localDay } from "./deadline-model.ts";
import { grantSubject, type Metering, type UsageRecord } from "./grant-model.ts";
import { addMetering, findGrant, insertUsage, listMetering, listUsage } from "./grant-repository.ts";
import { findRequest } from "./request-repository.ts";
import { canTransition } from "./request-model.ts";
import { runWork, transition } from "./work.ts";

/** What was done with granted data: counted by the exchange, described by the user (art. 27, 29). */
export interface UsageService {
  /** Adds to the counts of a day, in the exchange's own transaction. */
  meter(tx: Transaction, meterings: readonly Metering[]): Promise<void>;
  /** 使用场景, 使用过程, 应用成效 and 存储, kept at least three years. */
  recordUse(actor: Actor, grantId: string, input: RecordUseInput): Promise<UsageRecord>;
  /** 销毁: after the grant has ended; closes the request for good. */
  recordDisposal(actor: Actor, grantId: string, input: { scene: string; process: string }): Promise<UsageRecord>;
  /** For the user, the provider, the authority and auditors, who may inspect (art. 29). */
  list(actor: Actor, grantId: string, range: { fromDay: string; untilDay: string }): Promise<{ records: UsageRecord[]; metering: Metering[] }>;
}

export interface RecordUseInput {
  kind: "use" | "storage";
  scene: string;
  process: string;
  effect?: string;
  fromDay: string;
  untilDay: string;
}

export function createUsage({ kernel }: { kernel: Kernel }): UsageService {
  const { access } = kernel;

  async function write(actor: Actor, grantId: string, input: Omit<RecordUseInput, "kind"> & { kind: UsageRecord["kind"] }): Promise<UsageRecord> {
    assertTexts(input);
    return runWork(kernel, actor, async (work) => {
      const grant = await findGrant(work.tx, grantId);
      if (grant === undefined) throw new NotFoundError(`No grant ${grantId} that you may see`, { zh: "授权不存在或无权查看", code: "grant.not-found" });
      access.assert(actor, "grant", "record-use", grantSubject(grant));
      if (input.kind === "disposal" && grant.state !== "revoked" && grant.state !== "expired") {
        throw new ConflictError(`Grant ${grantId} is ${grant.state}; data are disposed of after it has ended`, { zh: "授权尚未终止，不能登记销毁", code: "grant.disposal.state", nextStep: "Give the grant up first." });
      }
      const day = localDay(work.at);
      const record: UsageRecord = { ...input, id: kernel.newId("usage"), grantId, organisationId: grant.consumerOrganisationId, actorId: actor.id, recordedAt: work.at, keepUntil: addDays(day, useRecordRetentionYears * 366) };
      await insertUsage(work.tx, record);
      work.audits.push({ action: `usage.${input.kind}`, objectType: "grant", objectId: grantId, detail: { usageId: record.id } });
      if (input.kind === "disposal") {
        const request = await findRequest(work.tx, grant.requestId, "for update");
        if (request !== undefined && canTransition(request.state, "dispose")) await transition(work, request, "dispose", { opinions: [], detail: { usageId: record.id } });
      }
      return record;
    });
  }

  return {
    async meter(tx, meterings) {
      if (meterings.length > 0) await addMetering(tx, meterings);
    },
    recordUse: (actor, grantId, input) => write(actor, grantId, input),
    recordDisposal(actor, grantId, input) {
      const day = localDay(kernel.clock.now());
      return write(actor, grantId, { ...input, kind: "disposal", fromDay: day, untilDay: day });
    },
    list: (actor, grantId, range) =>
      kernel.database.read(async (reader) => {
        const grant = await findGrant(reader, grantId);
        if (grant === undefined) throw new NotFoundError(`No grant ${grantId} that you may see`, { zh: "授权不存在或无权查看", code: "grant.not-found" });
        access.assert(actor, "grant", "see-use", grantSubject(grant));
        return { records: await listUsage(reader, grantId), metering: await listMetering(reader, grantId, range.fromDay, range.untilDay) };
      }),
  };
}

function assertTexts({ scene, process, fromDay, untilDay }: { scene: string; process: string; fromDay: string; untilDay: string }): void {
  const issues: Issue[] = [];
  for (const [member, text, zh] of [["scene", scene, "使用场景"], ["process", process, "使用过程"]] as const) {
    if (text.trim().length < 2 || text.length > 4000) issues.push({ path: `/${member}`, code: "required", message: "has 2 to 4000 characters", zh: `${zh}为 2 至 4000 字` });
  }
  if (untilDay < fromDay) issues.push({ path: "/untilDay", code: "usage.order", message: "is before the first day", zh: "结束日早于开始日" });
  if (issues.length > 0) throw new InputError(`The usage record has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: issues[0]!.zh, code: "usage.incomplete", issues });
}
