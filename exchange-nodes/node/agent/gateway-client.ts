import { Agent, request, type Dispatcher } from "undici";
import { AuthenticationError, ConflictError, describeError, InputError, NotAllowedError, NotFoundError, UnavailableError, type Clock, type ErrorKind, type SigningKey, type SuiteName } from "#platform";
import type { Assignments, GatewayClient, HeartbeatAnswer, SendOutcome } from "../../protocol/assignments.ts";
import { defaultFrameLimits, encodeFrames } from "../../protocol/frames.ts";
import { decodeReadBody } from "../../protocol/read-body.ts";
import { signRequest, verifyResponse } from "../../protocol/request-signing.ts";

export interface CenterAddress {
  url: string;
  /** PEM of the authority that signed the centre's certificate, where it is not a public one. */
  ca?: string;
  /** Plain HTTP to another machine: only where something else protects the line. */
  allowHttp?: boolean;
}

export interface CenterConnection {
  send(options: { method: "GET" | "POST"; path: string; headers?: Record<string, string>; body?: Uint8Array; timeoutMs: number; signal?: AbortSignal }): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: Buffer }>;
  close(): Promise<void>;
}

const loopback = new Set(["127.0.0.1", "localhost", "::1", "[::1]"]);
const answerLimitBytes = defaultFrameLimits.requestBytes + 1024 * 1024;

// When a line dies silently, only these limits end the requests on it, and whatever they carried is sent again on a new
// connection; a request that the centre answers late is sent twice, and its second copy is known there.
const answerMs = 30_000;
/** Beyond what a long poll waits. */
const pollAnswerMs = 15_000;
/** The slowest line that is counted on, 1 Mbit/s. */
const bytesPerMs = 128;

/** The one address that a node opens connections to. @throws InputError for plain HTTP beyond loopback. */
export function connectToCenter(address: CenterAddress): CenterConnection {
  const base = new URL(address.url);
  if (base.protocol !== "https:" && !(base.protocol === "http:" && (address.allowHttp || loopback.has(base.hostname)))) throw new InputError(`The centre's address ${base.origin} is not HTTPS`, { zh: `中心地址 ${base.origin} 不是 HTTPS`, code: "node.center-url", nextStep: "Give an https:// address; http:// is for loopback only, unless it is allowed in the configuration." });
  // No limit on connections: each feed's long poll holds one, and a revocation must not queue behind them.
  const dispatcher: Dispatcher = new Agent({ pipelining: 1, keepAliveTimeout: 30_000, connectTimeout: 10_000, connect: address.ca === undefined ? {} : { ca: address.ca } });
  return {
    async send({ method, path, headers = {}, body, timeoutMs, signal }) {
      try {
        const answer = await request(new URL(path, base), { dispatcher, method, headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/octet-stream" }) }, ...(body === undefined ? {} : { body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) }), headersTimeout: timeoutMs, bodyTimeout: timeoutMs, ...(signal === undefined ? {} : { signal }) });
        const pieces: Buffer[] = [];
        let bytes = 0;
        for await (const piece of answer.body as AsyncIterable<Buffer>) {
          bytes += piece.byteLength;
          if (bytes > answerLimitBytes) throw new InputError(`The centre's answer has more than ${answerLimitBytes} bytes`, { zh: "中心响应过大", code: "frames.too-large" });
          pieces.push(piece);
        }
        return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) };
      } catch (cause) {
        if (signal?.aborted || cause instanceof InputError) throw cause;
        throw new UnavailableError(`The centre at ${base.origin} does not answer: ${describeError(cause)}`, { zh: `无法连接中心 ${base.origin}`, code: "center.unreachable", nextStep: "Check the address and the line; the node goes on by itself when the centre is back.", cause });
      }
    },
    close: () => dispatcher.close(),
  };
}

const errors = { Input: InputError, Authentication: AuthenticationError, NotAllowed: NotAllowedError, NotFound: NotFoundError, Conflict: ConflictError, Unavailable: UnavailableError } satisfies Record<ErrorKind, unknown>;

/** The refusal that an answer carries, as if it had been thrown here. */
export function refusalOf(status: number, body: Buffer): Error {
  let told: { kind?: string; message?: string; zh?: string; code?: string; nextStep?: string } = {};
  try {
    told = JSON.parse(body.toString("utf8")) as typeof told;
  } catch {
    // An answer of something in between (a balancer): the status is all there is.
    told = {};
  }
  const Kind = errors[told.kind as ErrorKind] ?? UnavailableError;
  return new Kind(told.message ?? `The centre answered ${status}`, { ...(told.zh === undefined ? {} : { zh: told.zh }), ...(told.code === undefined ? {} : { code: told.code }), ...(told.nextStep === undefined ? {} : { nextStep: told.nextStep }) });
}

export interface CreateGatewayClientOptions {
  connection: CenterConnection;
  nodeId: string;
  key: SigningKey;
  /** The key that was pinned at enrolment. */
  center: { publicKey: string; suite: SuiteName };
  clock: Clock;
}

/** The node's way to the centre: signs requests, checks that answers are the centre's and answer this request. */
export function createGatewayClient({ connection, nodeId, key, center, clock }: CreateGatewayClientOptions): GatewayClient {
  let offsetMs = 0;

  async function call(method: "GET" | "POST", path: string, body: Uint8Array | undefined, options: { timeoutMs?: number; signal?: AbortSignal; accept?: readonly number[] } = {}): Promise<Buffer> {
    const full = `/exchange/v1${path}`;
    const signed = signRequest({ method, path: full, body: body ?? new Uint8Array() }, { nodeId, key, now: clock.now() });
    const sentAt = clock.now().getTime();
    const answer = await connection.send({ method, path: full, headers: signed.headers, timeoutMs: options.timeoutMs ?? answerMs, ...(body === undefined ? {} : { body }), ...(options.signal === undefined ? {} : { signal: options.signal }) });
    const ok = answer.status === 200 || options.accept?.includes(answer.status);
    const verdict = verifyResponse(answer, center, signed.requestHash);
    // A long poll says nothing: its answer was signed at an unknown moment of the wait.
    const tookMs = clock.now().getTime() - sentAt;
    if (verdict.ok && tookMs < 1_000) offsetMs = Math.round(verdict.time.getTime() - (sentAt + tookMs / 2));
    // A refusal before the request was understood cannot name it; an answer with data must.
    if (!ok) throw refusalOf(answer.status, answer.body);
    if (!verdict.ok) throw new UnavailableError(`The answer is not to be trusted: ${verdict.message}`, { zh: `响应不可信:${verdict.zh}`, code: `answer.${verdict.check}`, nextStep: "Something between the node and the centre alters answers, or the centre's key has changed: enrol again." });
    return answer.body;
  }

  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const read = <T>(body: Buffer) => JSON.parse(body.toString("utf8")) as T;
  const at = (feedId: string, what: string) => `/feeds/${encodeURIComponent(feedId)}/${what}`;

  return {
    nodeId,
    clockOffsetMs: () => offsetMs,

    async sendBatches(batches, options = {}) {
      const frames = Buffer.concat(encodeFrames(batches));
      const body = await call("POST", "/batches", frames, { timeoutMs: answerMs + Math.ceil(frames.byteLength / bytesPerMs), accept: [429], ...(options.signal === undefined ? {} : { signal: options.signal }) });
      return read<{ outcomes: SendOutcome[] }>(body).outcomes;
    },

    async readBatches({ feedId, afterSequence, appliedSequence, maxBytes, waitMs, signal }) {
      const body = await call("GET", `${at(feedId, "batches")}?after=${afterSequence}&applied=${appliedSequence}&maxBytes=${maxBytes}&waitMs=${waitMs}`, undefined, { timeoutMs: waitMs + pollAnswerMs, ...(signal === undefined ? {} : { signal }) });
      return decodeReadBody(body, { ...defaultFrameLimits, requestBytes: answerLimitBytes });
    },

    async assignments({ after, waitMs, signal }) {
      return read<Assignments>(await call("GET", `/assignments?after=${after}&waitMs=${waitMs}`, undefined, { timeoutMs: waitMs + pollAnswerMs, ...(signal === undefined ? {} : { signal }) }));
    },

    async heartbeat(report) {
      return read<HeartbeatAnswer>(await call("POST", "/heartbeat", json(report)));
    },

    async reportSourceSchemas(reports) {
      await call("POST", "/source-schemas", json(reports));
    },
    async reportProblem(feedId, problem) {
      await call("POST", at(feedId, "problem"), json(problem));
    },
    async requestRefresh(feedId, reason) {
      await call("POST", at(feedId, "refresh"), json({ reason }));
    },
    async confirmStopped(feedId, evidence) {
      await call("POST", at(feedId, "stopped"), json(evidence));
    },
    async acknowledgeCommand(outcome) {
      await call("POST", "/commands/done", json(outcome));
    },
    async reportChecksums(report) {
      await call("POST", "/checksums", json(report));
    },
  };
}
