import { randomInt } from "node:crypto";
import { AuthenticationError, ConflictError, getSuite, InputError, NotFoundError, sha256, type Actor, type Kernel, type SigningKey, type SqlCondition, type Transaction } from "#platform";
import { enrolmentText, keyFingerprint, normalizeCode, type EnrolmentAnswer, type EnrolmentRequest } from "../../protocol/enrolment.ts";
import { protocolVersion } from "../../protocol/envelope.ts";
import type { Heartbeat, HeartbeatAnswer } from "../../protocol/assignments.ts";
import { createEffects, writeEffects, type Effects } from "../effects.ts";
import { nodeTransitions, type ExchangeNode, type NodeChange, type StoredSourceSchema } from "../model/node.ts";
import { findNode, findNodeByName, forgetNonces, insertCode, insertNode, listNodes, listSourceSchemas, markSilentNodes, useCode, writeEnrolment, writeHeartbeat, writeNodeState } from "../repositories/nodes.ts";
import { writeFeedHealth } from "../repositories/feeds.ts";

export interface EnrolmentCode {
  nodeId: string;
  /** Shown once: `XXXXX-XXXXX-XXXXX-XXXXX-<fingerprint of the centre's key>`. */
  code: string;
  expiresAt: Date;
}

export interface NodeService {
  /** Invites a node of a department, or gives a node that has not enrolled yet a new code. */
  createEnrolmentCode(actor: Actor, input: { organisationId: string; name: string; validForMs?: number }): Promise<EnrolmentCode>;
  enrol(actor: Actor, request: EnrolmentRequest): Promise<EnrolmentAnswer>;
  changeState(actor: Actor, nodeId: string, change: "suspend" | "resume" | "retire", reason: string): Promise<ExchangeNode>;
  get(actor: Actor, nodeId: string): Promise<ExchangeNode>;
  list(actor: Actor, page: { afterName?: string; limit: number; nodeIds?: readonly string[] }): Promise<ExchangeNode[]>;
  sourceSchemas(actor: Actor, nodeId: string): Promise<StoredSourceSchema[]>;
  /** `actor` is the node. */
  heartbeat(actor: Actor, beat: Heartbeat, skewMs: number): Promise<HeartbeatAnswer>;
  /** Marks nodes that have not been heard of, and forgets old nonces. For the centre's loop. */
  sweep(actor: Actor): Promise<number>;
  /** The condition that `list` uses, for subscriptions. */
  visible(actor: Actor, firstPlaceholder: number): SqlCondition;
}

export const defaultCodeLifetimeMs = 24 * 3_600_000;
const maximumCodeLifetimeMs = 30 * 24 * 3_600_000;
/** Six missed heartbeats of five seconds. */
const silentAfterMs = 30_000;
const skewProblemMs = 10_000;

const codeAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ";
// 20 characters of 30: 98 bits, so that a plain digest is enough to keep them by.
const randomCode = () => Array.from({ length: 4 }, () => Array.from({ length: 5 }, () => codeAlphabet[randomInt(codeAlphabet.length)]).join("")).join("-");

const nodeColumns: Record<string, string> = { organisationId: "organisation_id" };

export function createNodeService({ kernel, centerKey, onRetired }: { kernel: Kernel; centerKey: SigningKey; onRetired: () => void }): NodeService {
  const { database, access, clock, newId, validator } = kernel;

  const visible: NodeService["visible"] = (actor, firstPlaceholder) => access.condition(actor, "node", "see", { column: (field) => nodeColumns[field] ?? field, firstPlaceholder });

  /** The only writer of a node's state. */
  async function transition(tx: Transaction, actor: Actor, node: Pick<ExchangeNode, "id" | "name" | "organisationId"> & { state?: ExchangeNode["state"] }, change: NodeChange, effects: Effects, reason?: string): Promise<void> {
    const { from, to } = nodeTransitions[change];
    if (node.state !== undefined && !(from as readonly string[]).includes(node.state)) throw new ConflictError(`Node ${node.name} is ${node.state} and cannot ${change}`, { zh: `节点“${node.name}”当前状态不允许该操作`, code: `node.${change}.state` });
    await writeNodeState(tx, { nodeId: node.id, change, to, at: clock.now(), actorId: actor.id, ...(node.state === undefined ? {} : { from: node.state }), ...(reason === undefined ? {} : { reason }) });
    effects.nodeIds.add(node.id);
    if (change === "enrol") effects.events.push({ subjectType: "node", subjectId: node.id, kind: "node.enrolled", organisationId: node.organisationId, payload: { nodeId: node.id } });
    effects.audits.push({ action: `node.${change}`, objectType: "node", objectId: node.id, detail: { name: node.name, ...(reason === undefined ? {} : { reason }) } });
  }

  function announceHealth(effects: Effects, node: Pick<ExchangeNode, "id" | "organisationId">, health: ExchangeNode["health"], problems: ExchangeNode["healthDetail"]["problems"]): void {
    effects.events.push({ subjectType: "node", subjectId: node.id, kind: "node.health", organisationId: node.organisationId, payload: { nodeId: node.id, health, problems: problems.map(({ code }) => code) } });
  }

  return {
    visible,

    async createEnrolmentCode(actor, { organisationId, name, validForMs = defaultCodeLifetimeMs }) {
      access.assert(actor, "node", "invite", { organisationId } as { id?: string });
      if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,98}$/u.test(name)) throw new InputError("A node's name is 1 to 99 letters, digits, spaces, dots or dashes", { zh: "节点名称应为 1 至 99 个字母、汉字、数字、空格、点或短横", code: "node.name" });
      if (!(validForMs > 0 && validForMs <= maximumCodeLifetimeMs)) throw new InputError("An enrolment code is valid for at most 30 days", { zh: "注册码有效期不得超过 30 天", code: "node.code-lifetime" });
      const code = `${randomCode()}-${keyFingerprint(centerKey.publicKey).toUpperCase()}`;
      const createdAt = clock.now();
      const expiresAt = new Date(createdAt.getTime() + validForMs);
      return database.withTransaction(async (tx) => {
        const effects = createEffects();
        const existing = await findNodeByName(tx, name);
        if (existing && (existing.state !== "invited" || existing.organisationId !== organisationId)) throw new ConflictError(`There is a node called ${name} already`, { zh: `已存在名为“${name}”的节点`, code: "node.name-taken", nextStep: "Choose another name, or retire that node first." });
        const nodeId = existing?.id ?? newId("node");
        if (!existing) {
          await insertNode(tx, { id: nodeId, name, organisationId, invitedBy: actor.id, createdAt });
          await transition(tx, actor, { id: nodeId, name, organisationId }, "invite", effects);
        } else effects.audits.push({ action: "node.new-code", objectType: "node", objectId: nodeId });
        await insertCode(tx, { hash: sha256(normalizeCode(code)), nodeId, createdBy: actor.id, createdAt, expiresAt });
        await writeEffects(kernel, tx, actor, effects);
        return { nodeId, code, expiresAt };
      });
    },

    async enrol(actor, { code, manifest, proof }) {
      validator.assertValid("node-manifest", manifest, { en: "The node manifest", zh: "节点说明" });
      if (manifest.protocolVersion !== protocolVersion) throw new InputError(`The node speaks protocol ${manifest.protocolVersion}, the centre ${protocolVersion}`, { zh: `节点协议版本为 ${manifest.protocolVersion},中心为 ${protocolVersion}`, code: "node.protocol", nextStep: "Install the node software of the centre's version." });
      if (Buffer.from(manifest.sealingPublicKey, "base64").byteLength !== 32) throw new InputError("The sealing key is not an X25519 public key", { zh: "加密公钥不是 X25519 公钥", code: "node.sealing-key" });
      if (!getSuite(manifest.signatureSuite).verify(manifest.publicKey, enrolmentText(code, manifest), proof)) throw new AuthenticationError("The enrolment is not signed with the key it names", { zh: "注册请求与其公钥不符", code: "node.proof" });
      return database.withTransaction(async (tx) => {
        const effects = createEffects();
        const at = clock.now();
        const nodeId = await useCode(tx, sha256(normalizeCode(code)), at);
        if (nodeId === undefined) throw new AuthenticationError("The enrolment code is unknown, used or expired", { zh: "注册码不存在、已使用或已过期", code: "node.code", nextStep: "Ask the city data office for a new code." });
        const node = (await findNode(tx, nodeId, "for update"))!;
        await writeEnrolment(tx, nodeId, { suite: manifest.signatureSuite, publicKey: manifest.publicKey, sealingKey: manifest.sealingPublicKey, manifest, at });
        await transition(tx, { ...actor, id: nodeId, kind: "node", organisationId: node.organisationId }, node, "enrol", effects);
        await writeEffects(kernel, tx, { ...actor, id: nodeId, kind: "node", organisationId: node.organisationId }, effects);
        return { nodeId, centerPublicKey: centerKey.publicKey, centerSuite: centerKey.suite, centerTime: at.toISOString() };
      });
    },

    async changeState(actor, nodeId, change, reason) {
      const changed = await database.withTransaction(async (tx) => {
        const effects = createEffects();
        const node = await findNode(tx, nodeId, "for update");
        if (!node) throw notFound(nodeId);
        access.assert(actor, "node", "suspend", node);
        if (reason.trim() === "") throw new InputError("A reason is required", { zh: "须说明原因", code: "node.reason" });
        await transition(tx, actor, node, change, effects, reason);
        await writeEffects(kernel, tx, actor, effects);
        return (await findNode(tx, nodeId))!;
      });
      onRetired();
      return changed;
    },

    async get(actor, nodeId) {
      const node = await database.read((reader) => findNode(reader, nodeId));
      if (!node) throw notFound(nodeId);
      access.assert(actor, "node", "see", node);
      return node;
    },

    async list(actor, page) {
      return database.read((reader) => listNodes(reader, visible(actor, 4), page));
    },

    async sourceSchemas(actor, nodeId) {
      return database.read(async (reader) => {
        const node = await findNode(reader, nodeId);
        if (!node) throw notFound(nodeId);
        access.assert(actor, "node", "see", node);
        return listSourceSchemas(reader, nodeId);
      });
    },

    async heartbeat(actor, beat, skewMs) {
      const at = clock.now();
      const problems = findProblems(beat, skewMs);
      const health = problems.length > 0 ? ("degraded" as const) : ("ok" as const);
      return database.withTransaction(async (tx) => {
        const effects = createEffects();
        const node = await findNode(tx, actor.id, "for update");
        if (!node) throw notFound(actor.id);
        const manifest = beat.manifest;
        if (manifest) validator.assertValid("node-manifest", manifest, { en: "The node manifest", zh: "节点说明" });
        // Keys do not change by heartbeat: a new key needs a new enrolment.
        const kept = manifest && manifest.publicKey === node.publicKey && manifest.sealingPublicKey === node.sealingKey ? { manifest } : {};
        const { manifest: _, ...heartbeat } = beat;
        await writeHeartbeat(tx, actor.id, { heartbeat, at, skewMs, health, problems, ...kept });
        await writeFeedHealth(tx, actor.id, beat.feeds);
        if (node.health !== health || node.healthDetail.problems.map(({ code }) => code).join() !== problems.map(({ code }) => code).join()) announceHealth(effects, node, health, problems);
        await writeEffects(kernel, tx, actor, effects);
        return { centerTime: at.toISOString(), skewMs, assignmentsVersion: node.assignmentsVersion };
      });
    },

    async sweep(actor) {
      const at = clock.now();
      return database.withTransaction(async (tx) => {
        const effects = createEffects();
        const silent = await markSilentNodes(tx, new Date(at.getTime() - silentAfterMs));
        for (const node of silent) announceHealth(effects, node, "silent", []);
        await forgetNonces(tx, at);
        await writeEffects(kernel, tx, actor, effects);
        return silent.length;
      });
    },
  };
}

function findProblems(beat: Heartbeat, skewMs: number): ExchangeNode["healthDetail"]["problems"] {
  const problems: ExchangeNode["healthDetail"]["problems"] = [];
  if (Math.abs(skewMs) > skewProblemMs) problems.push({ code: "clock-skew", message: `The clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? "ahead" : "behind"}`, zh: `时钟偏差 ${Math.round(Math.abs(skewMs) / 1000)} 秒` });
  for (const source of beat.sources) if (!source.ok) problems.push({ code: `source:${source.name}`, message: `Source ${source.name}: ${source.message ?? "not available"}`, zh: `数据源 ${source.name} 不可用` });
  for (const feed of beat.feeds) if (feed.problem) problems.push({ code: `feed:${feed.feedId}:${feed.problem.code}`, message: feed.problem.message, zh: feed.problem.zh });
  return problems.slice(0, 50);
}

function notFound(nodeId: string): NotFoundError {
  return new NotFoundError(`No node ${nodeId} that you may see`, { zh: "对象不存在或无权查看", code: "node.not-found" });
}
