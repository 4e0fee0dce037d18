import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign as nodeSign, verify as nodeVerify, type KeyObject } from "node:crypto";
import { sm2 } from "sm-crypto-v2";
import { InputError } from "../errors/errors.ts";

/**
 * Signature suites, named in every envelope. `sha256-ed25519` is the default; `sm3-sm2` is the national one
 * (GB/T 32905, GB/T 32918 with the default user id 1234567812345678). SM2 comes from sm-crypto-v2 and not from
 * node:crypto, whose SM2 signs with an empty user id that cannot be changed; SM3 is node:crypto's.
 */
export type SuiteName = "sha256-ed25519" | "sm3-sm2";

export interface SigningKey {
  suite: SuiteName;
  /** Base64: SPKI for Ed25519, the uncompressed point for SM2. */
  publicKey: string;
  sign(bytes: Uint8Array): string;
}

export interface Suite {
  name: SuiteName;
  /** Lower-case hexadecimal, 64 characters in both suites. */
  digest(bytes: Uint8Array | string): string;
  verify(publicKey: string, bytes: Uint8Array, signature: string): boolean;
  generate(): { publicKey: string; privateKey: string };
  /** From what `generate` gave. */
  load(privateKey: string): SigningKey;
}

const spki = new Map<string, KeyObject>();
function ed25519PublicKey(base64: string): KeyObject {
  let key = spki.get(base64);
  if (!key) {
    key = createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
    if (key.asymmetricKeyType !== "ed25519") throw new InputError("The public key is not an Ed25519 key");
    if (spki.size > 1_000) spki.clear();
    spki.set(base64, key);
  }
  return key;
}

const ed25519: Suite = {
  name: "sha256-ed25519",
  digest: (bytes) => createHash("sha256").update(bytes).digest("hex"),
  verify(publicKey, bytes, signature) {
    try {
      return nodeVerify(null, bytes, ed25519PublicKey(publicKey), Buffer.from(signature, "base64"));
    } catch {
      // An unreadable key or signature verifies nothing.
      return false;
    }
  },
  generate() {
    const pair = generateKeyPairSync("ed25519");
    return { publicKey: pair.publicKey.export({ format: "der", type: "spki" }).toString("base64"), privateKey: pair.privateKey.export({ format: "der", type: "pkcs8" }).toString("base64") };
  },
  load(privateKey) {
    const key = createPrivateKey({ key: Buffer.from(privateKey, "base64"), format: "der", type: "pkcs8" });
    const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).toString("base64");
    return { suite: "sha256-ed25519", publicKey, sign: (bytes) => nodeSign(null, bytes, key).toString("base64") };
  },
};

const hexToBase64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");
const base64ToHex = (base64: string) => Buffer.from(base64, "base64").toString("hex");

const sm: Suite = {
  name: "sm3-sm2",
  digest: (bytes) => createHash("sm3").update(bytes).digest("hex"),
  verify(publicKey, bytes, signature) {
    try {
      return sm2.doVerifySignature(bytes, base64ToHex(signature), base64ToHex(publicKey), { hash: true });
    } catch {
      return false;
    }
  },
  generate() {
    const pair = sm2.generateKeyPairHex();
    return { publicKey: hexToBase64(pair.publicKey), privateKey: hexToBase64(pair.privateKey) };
  },
  load(privateKey) {
    const secret = base64ToHex(privateKey);
    const publicHex = sm2.getPublicKeyFromPrivateKey(secret);
    const precomputed = { publicKey: publicHex };
    return { suite: "sm3-sm2", publicKey: hexToBase64(publicHex), sign: (bytes) => hexToBase64(sm2.doSignature(bytes, secret, { hash: true, ...precomputed })) };
  },
};

const suites: Record<SuiteName, Suite> = { "sha256-ed25519": ed25519, "sm3-sm2": sm };

export function getSuite(name: string): Suite {
  const suite = suites[name as SuiteName];
  if (!suite) throw new InputError(`Signature suite "${name}" is not known`, { zh: `未知的签名算法套件“${name}”`, nextStep: `Use one of: ${Object.keys(suites).join(", ")}.` });
  return suite;
}

export const sha256 = ed25519.digest;
