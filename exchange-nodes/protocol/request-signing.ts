import { randomBytes } from "node:crypto";
import { getSuite, type SigningKey, type SuiteName } from "#platform";

/**
 * Every request of a node is signed: method, path with query, node, time, nonce, digest of the body. The answer is
 * signed by the centre and names the hash of the request it answers, so neither can be altered, replayed or swapped.
 * A nonce is remembered until its time would be refused anyway (`maxSkewMs` to both sides).
 */
export const maxSkewMs = 120_000;

export const requestHeaders = { node: "x-zt-node", time: "x-zt-time", nonce: "x-zt-nonce", digest: "x-zt-digest", signature: "x-zt-signature", suite: "x-zt-suite" } as const;
export const responseHeaders = { time: "x-zt-time", request: "x-zt-request", digest: "x-zt-digest", signature: "x-zt-signature" } as const;

export interface RequestToSign {
  method: string;
  /** Path with query, as sent. */
  path: string;
  body: Uint8Array | readonly Uint8Array[];
}

const noBody = new Uint8Array();

function digestOf(suite: SuiteName, body: Uint8Array | readonly Uint8Array[]): string {
  const whole = body instanceof Uint8Array ? body : body.length === 0 ? noBody : Buffer.concat(body);
  return getSuite(suite).digest(whole);
}

function requestText(fields: { method: string; path: string; node: string; time: string; nonce: string; digest: string }): Buffer {
  return Buffer.from(["zhengtong-request-1", fields.method.toUpperCase(), fields.path, fields.node, fields.time, fields.nonce, fields.digest].join("\n"));
}

function responseText(fields: { status: number; request: string; time: string; digest: string }): Buffer {
  return Buffer.from(["zhengtong-response-1", String(fields.status), fields.request, fields.time, fields.digest].join("\n"));
}

export interface SignedRequest {
  headers: Record<string, string>;
  /** What the answer must name. */
  requestHash: string;
}

export function signRequest(request: RequestToSign, options: { nodeId: string; key: SigningKey; now: Date }): SignedRequest {
  const { nodeId, key } = options;
  const suite = getSuite(key.suite);
  const fields = { method: request.method, path: request.path, node: nodeId, time: options.now.toISOString(), nonce: randomBytes(16).toString("base64url"), digest: digestOf(key.suite, request.body) };
  const text = requestText(fields);
  const signature = key.sign(text);
  return {
    headers: { [requestHeaders.node]: nodeId, [requestHeaders.time]: fields.time, [requestHeaders.nonce]: fields.nonce, [requestHeaders.digest]: fields.digest, [requestHeaders.signature]: signature, [requestHeaders.suite]: key.suite },
    requestHash: suite.digest(Buffer.concat([text, Buffer.from(`\n${signature}`)])),
  };
}

export const requestChecks = ["headers", "suite", "clock-skew", "body-digest", "signature", "replay"] as const;
export type RequestCheck = (typeof requestChecks)[number];

export type RequestVerdict =
  | { ok: true; requestHash: string; nodeId: string; nonce: string; /** Positive when the node's clock is ahead. */ skewMs: number }
  | { ok: false; check: RequestCheck; message: string; zh: string; nodeId?: string; skewMs?: number };

type Headers = Record<string, string | string[] | undefined>;

/** The node that a request says it is from, before anything is checked. */
export function claimedNode(headers: Headers): string | undefined {
  const value = headers[requestHeaders.node];
  return typeof value === "string" ? value : undefined;
}

/** Checks everything but the nonce: whether it was seen before is for whoever stores nonces. */
export function verifyRequest(request: RequestToSign & { headers: Headers }, sender: { publicKey: string; suite: SuiteName }, now: Date): RequestVerdict {
  const read = (name: string) => (typeof request.headers[name] === "string" ? request.headers[name] : "");
  const fields = { method: request.method, path: request.path, node: read(requestHeaders.node), time: read(requestHeaders.time), nonce: read(requestHeaders.nonce), digest: read(requestHeaders.digest) };
  const signature = read(requestHeaders.signature);
  const at = Date.parse(fields.time);
  if (!fields.node || !signature || Number.isNaN(at) || !/^[A-Za-z0-9_-]{16,64}$/.test(fields.nonce)) return { ok: false, check: "headers", message: "a signing header is missing or malformed", zh: "签名请求头缺失或格式错误" };
  if (read(requestHeaders.suite) !== sender.suite) return { ok: false, check: "suite", message: `the node's suite is ${sender.suite}`, zh: `节点的签名算法套件为 ${sender.suite}`, nodeId: fields.node };
  const skewMs = at - now.getTime();
  if (Math.abs(skewMs) > maxSkewMs) return { ok: false, check: "clock-skew", message: `the node's clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? "ahead of" : "behind"} the centre's`, zh: `节点时钟比中心${skewMs > 0 ? "快" : "慢"} ${Math.round(Math.abs(skewMs) / 1000)} 秒`, nodeId: fields.node, skewMs };
  const suite = getSuite(sender.suite);
  if (digestOf(sender.suite, request.body) !== fields.digest) return { ok: false, check: "body-digest", message: "the body's digest is not the signed one", zh: "请求体摘要与签名不符", nodeId: fields.node };
  const text = requestText(fields);
  if (!suite.verify(sender.publicKey, text, signature)) return { ok: false, check: "signature", message: "the signature does not fit the request and the node's key", zh: "签名与请求或节点公钥不符", nodeId: fields.node };
  return { ok: true, requestHash: suite.digest(Buffer.concat([text, Buffer.from(`\n${signature}`)])), nodeId: fields.node, nonce: fields.nonce, skewMs };
}

/** Headers that bind an answer to its request. `requestHash` is empty when the request could not be read so far. */
export function signResponse(response: { status: number; body: Uint8Array | readonly Uint8Array[]; requestHash: string }, options: { key: SigningKey; now: Date }): Record<string, string> {
  const fields = { status: response.status, request: response.requestHash, time: options.now.toISOString(), digest: digestOf(options.key.suite, response.body) };
  return { [responseHeaders.time]: fields.time, [responseHeaders.request]: fields.request, [responseHeaders.digest]: fields.digest, [responseHeaders.signature]: options.key.sign(responseText(fields)) };
}

export type ResponseVerdict = { ok: true; time: Date } | { ok: false; check: "headers" | "request" | "body-digest" | "signature"; message: string; zh: string };

export function verifyResponse(response: { status: number; body: Uint8Array; headers: Headers }, center: { publicKey: string; suite: SuiteName }, requestHash: string): ResponseVerdict {
  const read = (name: string) => (typeof response.headers[name] === "string" ? response.headers[name] : "");
  const fields = { status: response.status, request: read(responseHeaders.request), time: read(responseHeaders.time), digest: read(responseHeaders.digest) };
  const signature = read(responseHeaders.signature);
  if (!signature || Number.isNaN(Date.parse(fields.time))) return { ok: false, check: "headers", message: "the answer is not signed", zh: "响应未签名" };
  if (fields.request !== requestHash) return { ok: false, check: "request", message: "the answer belongs to another request", zh: "响应与请求不对应" };
  if (digestOf(center.suite, response.body) !== fields.digest) return { ok: false, check: "body-digest", message: "the answer's body was altered", zh: "响应体被改动" };
  if (!getSuite(center.suite).verify(center.publicKey, responseText(fields), signature)) return { ok: false, check: "signature", message: "the answer is not signed by the centre that this node enrolled with", zh: "响应不是由注册的中心签名" };
  return { ok: true, time: new Date(fields.time) };
}
