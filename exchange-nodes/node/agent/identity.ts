import { getSuite, InputError, sha256, UnavailableError, type Clock, type Database, type SigningKey, type SuiteName } from "#platform";
import type { NodeManifest } from "#standards";
import { enrolmentText, keyFingerprint, type EnrolmentAnswer } from "../../protocol/enrolment.ts";
import { generateSealingKey, loadSealingKey, type SealingKey } from "../../protocol/payload.ts";
import { verifyResponse } from "../../protocol/request-signing.ts";
import { refusalOf, type CenterConnection } from "./gateway-client.ts";

/** A node's keys, and what it knows of its centre since it enrolled. */
export interface NodeIdentity {
  key: SigningKey;
  sealingKey: SealingKey;
  enrolled?: { nodeId: string; center: { publicKey: string; suite: SuiteName } };
}

interface IdentityRow extends Record<string, unknown> {
  node_id: string | null;
  suite: SuiteName;
  private_key: string;
  sealing_public_key: string;
  sealing_private_key: string;
  center_public_key: string | null;
  center_suite: SuiteName | null;
}

/** Reads the node's keys from its own database; makes them at the first start. */
export async function loadIdentity({ database, clock, suite }: { database: Database; clock: Clock; suite: SuiteName }): Promise<NodeIdentity> {
  const sealing = await generateSealingKey();
  const row = await database.withTransaction(async (tx) => {
    const made = getSuite(suite).generate();
    await tx.query("insert into node.identity (suite, public_key, private_key, sealing_public_key, sealing_private_key, created_at) values ($1, $2, $3, $4, $5, $6) on conflict (singleton) do nothing", [suite, made.publicKey, made.privateKey, sealing.publicKey, sealing.privateKey, clock.now()]);
    return (await tx.query<IdentityRow>("select node_id, suite, private_key, sealing_public_key, sealing_private_key, center_public_key, center_suite from node.identity")).rows[0]!;
  });
  return {
    key: getSuite(row.suite).load(row.private_key),
    sealingKey: await loadSealingKey({ publicKey: row.sealing_public_key, privateKey: row.sealing_private_key }),
    ...(row.node_id === null || row.center_public_key === null || row.center_suite === null ? {} : { enrolled: { nodeId: row.node_id, center: { publicKey: row.center_public_key, suite: row.center_suite } } }),
  };
}

/**
 * Enrols with a one-time code. The code ends in the fingerprint of the centre's key: an answer that is not signed with
 * that key is not the centre's, whatever stands between.
 */
export async function enrol({ connection, database, clock, identity, manifest, code }: { connection: CenterConnection; database: Database; clock: Clock; identity: NodeIdentity; manifest: NodeManifest; code: string }): Promise<NonNullable<NodeIdentity["enrolled"]>> {
  const fingerprint = code.trim().split("-").at(-1)?.toLowerCase() ?? "";
  if (!/^[0-9a-f]{16}$/.test(fingerprint)) throw new InputError("The enrolment code is incomplete", { zh: "注册码不完整", code: "node.code", nextStep: "Give the whole code, as the city data office gave it." });
  const body = Buffer.from(JSON.stringify({ code, manifest, proof: identity.key.sign(enrolmentText(code, manifest)) }));
  const answer = await connection.send({ method: "POST", path: "/exchange/v1/enrol", body, timeoutMs: 30_000 });
  if (answer.status !== 200) throw refusalOf(answer.status, answer.body);
  const told = JSON.parse(answer.body.toString("utf8")) as EnrolmentAnswer;
  const center = { publicKey: told.centerPublicKey, suite: told.centerSuite };
  const verdict = verifyResponse(answer, center, sha256(body));
  if (keyFingerprint(center.publicKey) !== fingerprint || !verdict.ok) throw new UnavailableError("The answer to the enrolment is not from the centre that gave the code", { zh: "注册响应不是来自发放注册码的中心", code: "node.center-key", nextStep: "Check the centre's address; somebody may stand in between." });
  await database.withTransaction((tx) => tx.query("update node.identity set node_id = $1, center_public_key = $2, center_suite = $3, enrolled_at = $4", [told.nodeId, center.publicKey, center.suite, clock.now()]));
  return { nodeId: told.nodeId, center };
}
