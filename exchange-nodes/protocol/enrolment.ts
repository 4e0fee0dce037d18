import type { NodeManifest } from "#standards";
import { canonicalJson, sha256, type SuiteName } from "#platform";

export interface EnrolmentRequest {
  code: string;
  manifest: NodeManifest;
  /** Signature of `enrolmentText` by the manifest's key: the node has the private half. */
  proof: string;
}

export interface EnrolmentAnswer {
  nodeId: string;
  centerPublicKey: string;
  centerSuite: SuiteName;
  centerTime: string;
}

export const normalizeCode = (code: string): string => code.trim().toUpperCase();

/** What a node signs at enrolment. */
export function enrolmentText(code: string, manifest: NodeManifest): Buffer {
  return Buffer.from(`zhengtong-enrol-1\n${sha256(normalizeCode(code))}\n${canonicalJson(manifest)}`);
}

/** Stands at the end of an enrolment code, so that the node knows the centre it was invited by. */
export function keyFingerprint(publicKey: string): string {
  return sha256(publicKey).slice(0, 16);
}
