import { canonicalJson, InputError } from "#platform";
import type { BatchEnvelope } from "#standards";
import type { SignedBatch } from "./envelope.ts";

/**
 * Many batches in one body: `ZTB1`, then for each batch two 32-bit big-endian lengths, the envelope's canonical JSON
 * and the payload. The decoder takes pieces of any size and never holds more than one batch beyond what it has given.
 */
const magic = Buffer.from("ZTB1", "latin1");
const headerBytes = 8;

export const maxEnvelopeBytes = 16 * 1024;

export interface FrameLimits {
  /** Most bytes of one batch's payload. */
  batchBytes: number;
  /** Most bytes of one body. */
  requestBytes: number;
}

export const defaultFrameLimits: FrameLimits = { batchBytes: 16 * 1024 * 1024, requestBytes: 64 * 1024 * 1024 };

export function frameBytes(batch: SignedBatch): number {
  return headerBytes + 600 + batch.payload.byteLength;
}

/** The pieces of a body, for a stream or `Buffer.concat`; payloads are not copied. */
export function encodeFrames(batches: Iterable<SignedBatch>): Uint8Array[] {
  const pieces: Uint8Array[] = [magic];
  for (const { envelope, payload } of batches) {
    const json = Buffer.from(canonicalJson(envelope));
    const header = Buffer.allocUnsafe(headerBytes);
    header.writeUInt32BE(json.byteLength, 0);
    header.writeUInt32BE(payload.byteLength, 4);
    pieces.push(header, json, payload);
  }
  return pieces;
}

export interface FrameDecoder {
  /** Takes the next piece and gives the batches that became whole. */
  push(piece: Uint8Array): SignedBatch[];
  /** Checks that the body ended between two batches. */
  end(): void;
}

/** @throws InputError (code `frames.*`) that names the frame at which a body cannot be read. */
export function createFrameDecoder(limits: FrameLimits = defaultFrameLimits): FrameDecoder {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let total = 0;
  let started = false;
  let frames = 0;
  let need = magic.byteLength;

  const refuse = (code: string, message: string, zh: string): never => {
    throw new InputError(`Frame ${frames + 1}: ${message}`, { zh: `第 ${frames + 1} 帧:${zh}`, code: `frames.${code}` });
  };

  function readEnvelope(bytes: Buffer): BatchEnvelope {
    const text = bytes.toString("utf8");
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return refuse("envelope", "the envelope is not JSON", "信封不是 JSON");
    }
    // One envelope has one text: what was hashed and what was sent are the same bytes.
    if (canonicalJson(value) !== text) refuse("envelope", "the envelope is not in canonical form", "信封不是规范形式");
    return value as BatchEnvelope;
  }

  return {
    push(piece) {
      total += piece.byteLength;
      if (total > limits.requestBytes) refuse("too-large", `the body has more than ${limits.requestBytes} bytes`, `请求体超过 ${limits.requestBytes} 字节`);
      waiting.push(piece);
      waitingBytes += piece.byteLength;
      if (waitingBytes < need) return [];
      let bytes = waiting.length === 1 ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) : Buffer.concat(waiting);
      const done: SignedBatch[] = [];
      if (!started) {
        if (!bytes.subarray(0, 4).equals(magic)) refuse("magic", "this is not a body of batches", "不是批次请求体");
        bytes = bytes.subarray(4);
        started = true;
      }
      for (;;) {
        need = headerBytes;
        if (bytes.byteLength < headerBytes) break;
        const envelopeBytes = bytes.readUInt32BE(0);
        const payloadBytes = bytes.readUInt32BE(4);
        if (envelopeBytes > maxEnvelopeBytes) refuse("envelope-too-large", `an envelope of ${envelopeBytes} bytes; at most ${maxEnvelopeBytes}`, `信封 ${envelopeBytes} 字节,上限 ${maxEnvelopeBytes}`);
        if (payloadBytes > limits.batchBytes) refuse("batch-too-large", `a batch of ${payloadBytes} bytes; at most ${limits.batchBytes}`, `批次 ${payloadBytes} 字节,上限 ${limits.batchBytes}`);
        need = headerBytes + envelopeBytes + payloadBytes;
        if (bytes.byteLength < need) break;
        done.push({ envelope: readEnvelope(bytes.subarray(headerBytes, headerBytes + envelopeBytes)), payload: bytes.subarray(headerBytes + envelopeBytes, need) });
        frames += 1;
        bytes = bytes.subarray(need);
      }
      waiting = bytes.byteLength === 0 ? [] : [bytes];
      waitingBytes = bytes.byteLength;
      return done;
    },
    end() {
      if (!started || waitingBytes > 0) refuse("cut", "the body ends in the middle", "请求体不完整");
    },
  };
}

/** A whole body at once. */
export function decodeFrames(body: Uint8Array, limits: FrameLimits = defaultFrameLimits): SignedBatch[] {
  const decoder = createFrameDecoder(limits);
  const batches = decoder.push(body);
  decoder.end();
  return batches;
}
