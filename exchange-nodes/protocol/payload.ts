import { brotliCompress, brotliDecompress, constants } from "node:zlib";
import { promisify } from "node:util";
import type { webcrypto } from "node:crypto";
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import type { BatchEnvelope, PayloadEncoding } from "#standards";
import { getSuite, InputError, type SuiteName } from "#platform";

/**
 * Payload steps, applied in the order that `encoding` names and undone in reverse: `copy-text` or `json` says what
 * the bytes are, `brotli` (quality 1: 45 of 262 kB at 0.6 µs a row) makes them small, `hpke` seals them to the
 * recipient node's X25519 key (RFC 9180, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM), so that the gateway
 * and the log hold ciphertext only. A sealed payload starts with the 32 bytes of the encapsulated key.
 */
const hpke = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const encapsulatedBytes = 32;

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

/** Bound into the sealing: a payload cannot be opened as that of another feed. */
export interface PayloadContext {
  feedId: string;
  grantId: string;
}

export interface EncodePayloadOptions {
  content: "copy-text" | "json";
  suite: SuiteName;
  /** Default true; payloads under 200 bytes are never compressed. */
  brotli?: boolean;
  /** The recipient's X25519 public key, base64: present → sealed. */
  sealTo?: string;
  context: PayloadContext;
}

/** The part of an envelope that the payload determines. */
export interface EncodedPayload {
  payload: Buffer;
  encoding: PayloadEncoding[];
  payloadBytes: number;
  payloadDigest: string;
}

/** Most bytes that a payload may have once undone: guards against a small payload that inflates without end. */
export const maxPlainPayloadBytes = 64 * 1024 * 1024;

const bytesOf = (buffer: Uint8Array): ArrayBuffer => buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) as ArrayBuffer;
const infoOf = (context: PayloadContext): ArrayBuffer => bytesOf(Buffer.from(`zhengtong-payload-1\n${context.feedId}\n${context.grantId}`));

const publicKeys = new Map<string, Promise<webcrypto.CryptoKey>>();
function recipientKey(base64: string): Promise<webcrypto.CryptoKey> {
  let key = publicKeys.get(base64);
  if (!key) {
    key = hpke.kem.deserializePublicKey(bytesOf(Buffer.from(base64, "base64")));
    if (publicKeys.size > 1_000) publicKeys.clear();
    publicKeys.set(base64, key);
  }
  return key;
}

/** Applies the steps. Several calls run side by side: compression and sealing leave the main thread. */
export async function encodePayload(plain: Uint8Array, options: EncodePayloadOptions): Promise<EncodedPayload> {
  const encoding: PayloadEncoding[] = [options.content];
  let payload = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
  if (options.brotli !== false && payload.byteLength >= 200) {
    payload = await compress(payload, { params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_SIZE_HINT]: payload.byteLength } }) as Buffer<ArrayBuffer>;
    encoding.push("brotli");
  }
  if (options.sealTo !== undefined) {
    const sender = await hpke.createSenderContext({ recipientPublicKey: await recipientKey(options.sealTo), info: infoOf(options.context) });
    const sealed = await sender.seal(bytesOf(payload));
    payload = Buffer.concat([Buffer.from(sender.enc), Buffer.from(sealed)]);
    encoding.push("hpke");
  }
  return { payload, encoding, payloadBytes: payload.byteLength, payloadDigest: getSuite(options.suite).digest(payload) };
}

/** The node's half of sealing: kept at the node, never sent. */
export interface SealingKey {
  /** Raw X25519 public key, base64: goes into the manifest. */
  publicKey: string;
  privateKey: webcrypto.CryptoKey;
}

export async function generateSealingKey(): Promise<{ publicKey: string; privateKey: string }> {
  const pair = await hpke.kem.generateKeyPair();
  return { publicKey: Buffer.from(await hpke.kem.serializePublicKey(pair.publicKey)).toString("base64"), privateKey: Buffer.from(await hpke.kem.serializePrivateKey(pair.privateKey)).toString("base64") };
}

/** From what `generateSealingKey` gave. */
export async function loadSealingKey(stored: { publicKey: string; privateKey: string }): Promise<SealingKey> {
  return { publicKey: stored.publicKey, privateKey: await hpke.kem.deserializePrivateKey(bytesOf(Buffer.from(stored.privateKey, "base64"))) };
}

/**
 * Undoes the steps of a payload whose envelope was verified.
 * @throws InputError when a step cannot be undone: no key, not sealed to this key, damaged, or too large.
 */
export async function decodePayload(payload: Uint8Array, envelope: Pick<BatchEnvelope, "encoding" | "feedId" | "grantId" | "sequence">, sealingKey?: SealingKey): Promise<Buffer> {
  let bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength) as Buffer;
  for (const step of envelope.encoding.toReversed()) {
    if (step === "hpke") {
      if (!sealingKey) throw new InputError(`Batch ${envelope.sequence} of feed ${envelope.feedId} is sealed and there is no key to open it`, { zh: "批次已加密,没有可用的解密密钥", code: "payload.no-key" });
      try {
        const recipient = await hpke.createRecipientContext({ recipientKey: sealingKey.privateKey, enc: bytesOf(bytes.subarray(0, encapsulatedBytes)), info: infoOf(envelope) });
        bytes = Buffer.from(await recipient.open(bytesOf(bytes.subarray(encapsulatedBytes))));
      } catch (cause) {
        throw new InputError(`Batch ${envelope.sequence} of feed ${envelope.feedId} was not sealed to this node's key, or was damaged`, { zh: "批次不是加密给本节点的,或已损坏", code: "payload.not-openable", nextStep: "If the node's sealing key was replaced, ask for a full refresh of the feed.", cause });
      }
    } else if (step === "brotli") {
      try {
        bytes = await decompress(bytes, { maxOutputLength: maxPlainPayloadBytes }) as Buffer;
      } catch (cause) {
        throw new InputError(`Batch ${envelope.sequence} of feed ${envelope.feedId} cannot be decompressed`, { zh: "批次无法解压", code: "payload.not-decompressible", cause });
      }
    }
  }
  return bytes;
}
