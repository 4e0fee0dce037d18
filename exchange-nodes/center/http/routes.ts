import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { anonymousActor, AuthenticationError, describeError, InputError, isRefusal, NotAllowedError, sha256, type Actor, type ErrorKind } from "#platform";
import { createFrameDecoder, defaultFrameLimits } from "../../protocol/frames.ts";
import { encodeReadBody } from "../../protocol/read-body.ts";
import { claimedNode, maxSkewMs, signResponse, verifyRequest } from "../../protocol/request-signing.ts";
import type { ChecksumReport, CommandOutcome, FeedProblem, Heartbeat, SourceSchemaReport, StopEvidence } from "../../protocol/assignments.ts";
import type { ExchangeCenter } from "../center.ts";
import { rememberNonce } from "../repositories/nodes.ts";
import type { EnrolmentRequest } from "../../protocol/enrolment.ts";

const statusOf: Record<ErrorKind, number> = { Input: 400, Authentication: 401, NotAllowed: 403, NotFound: 404, Conflict: 409, Unavailable: 503 };
const jsonLimitBytes = 8 * 1024 * 1024;
const maxWaitMs = 25_000;
const maxReadBytes = 32 * 1024 * 1024;

interface Call {
  actor: Actor;
  skewMs: number;
  body: Buffer;
  signal: AbortSignal;
  query: Record<string, string | undefined>;
  params: Record<string, string | undefined>;
}

interface Answer {
  status?: number;
  body: Buffer | object;
  headers?: Record<string, string>;
}

/** The nodes' side of the centre, under /exchange/v1: every request is signed by its node, every answer by the centre. */
export function registerExchangeRoutes(fastify: FastifyInstance, center: ExchangeCenter): void {
  const { kernel, centerKey } = center;
  const { clock, database, log } = kernel;

  function send(reply: FastifyReply, requestHash: string, { status = 200, body, headers = {} }: Answer): FastifyReply {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    return reply
      .code(status)
      .headers({ "content-type": Buffer.isBuffer(body) ? "application/octet-stream" : "application/json; charset=utf-8", "cache-control": "no-store", ...headers, ...signResponse({ status, body: bytes, requestHash }, { key: centerKey, now: clock.now() }) })
      .send(bytes);
  }

  function refuse(reply: FastifyReply, request: FastifyRequest, requestHash: string, error: unknown): FastifyReply {
    if (isRefusal(error)) return send(reply, requestHash, { status: statusOf[error.kind], body: { kind: error.kind, code: error.code, message: error.message, zh: error.zh, nextStep: error.nextStep, issues: error.issues, centerTime: clock.now().toISOString() } });
    log.error({ route: request.routeOptions.url, correlationId: request.id, error: describeError(error) }, "exchange request failed");
    return send(reply, requestHash, { status: 500, body: { kind: "Defect", message: `Unexpected error; ask the operators of the centre about ${request.id}`, zh: `系统内部错误,编号 ${request.id}`, centerTime: clock.now().toISOString() } });
  }

  /** Establishes which node calls. The nonce comes last: only what is otherwise in order is remembered. */
  async function authenticate(request: FastifyRequest, body: Buffer): Promise<{ actor: Actor; skewMs: number; requestHash: string }> {
    const nodeId = claimedNode(request.headers);
    const node = nodeId === undefined ? undefined : await center.findNodeKey(nodeId);
    const now = clock.now();
    if (!node) throw new AuthenticationError("The request is not signed by a node that is known here", { zh: "请求未由已注册节点签名", code: "request.node", nextStep: "Enrol the node with a code from the city data office." });
    const verdict = verifyRequest({ method: request.method, path: request.url, body, headers: request.headers }, node, now);
    if (!verdict.ok) throw new AuthenticationError(`The request is refused: ${verdict.message}`, { zh: `请求被拒绝:${verdict.zh}`, code: `request.${verdict.check}`, ...(verdict.check === "clock-skew" ? { nextStep: "Set the node's clock (NTP); the centre's time is in the answer." } : {}) });
    if (!(await database.read((reader) => rememberNonce(reader, node.id, verdict.nonce, new Date(now.getTime() + 2 * maxSkewMs))))) throw new AuthenticationError("This request was received before", { zh: "请求重复(重放)", code: "request.replay" });
    if (node.state !== "enrolled") throw new NotAllowedError(`Node ${node.id} is ${node.state}`, { zh: "节点已被停用", code: `node.${node.state}`, nextStep: "Ask the city data office." });
    return { actor: { id: node.id, kind: "node", organisationId: node.organisationId, roles: [], name: node.name, sourceAddress: request.ip, correlationId: request.id }, skewMs: verdict.skewMs, requestHash: verdict.requestHash };
  }

  const bytesOf = (request: FastifyRequest): Buffer => (Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));

  function jsonOf<T>(body: Buffer): T {
    try {
      return JSON.parse(body.toString("utf8")) as T;
    } catch (cause) {
      throw new InputError("The body is not JSON", { zh: "请求体不是 JSON", code: "request.json", cause });
    }
  }

  const numberOf = (text: string | undefined, fallback: number, max: number): number => {
    const value = text === undefined ? fallback : Number(text);
    if (!Number.isSafeInteger(value) || value < 0) throw new InputError(`"${text}" is not a whole number`, { zh: "参数应为非负整数", code: "request.number" });
    return Math.min(value, max);
  };

  void fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

    const route = (method: "GET" | "POST", url: string, handle: (call: Call) => Promise<Answer>, bodyLimit = jsonLimitBytes) =>
      scope.route({
        method,
        url: `/exchange/v1${url}`,
        bodyLimit,
        config: { rateLimit: false },
        async handler(request, reply) {
          let requestHash = "";
          try {
            const body = bytesOf(request);
            const known = await authenticate(request, body);
            requestHash = known.requestHash;
            const gone = new AbortController();
            // The other end has hung up: nobody waits for the answer of a long poll any more.
            reply.raw.once("close", () => gone.abort());
            return send(reply, requestHash, await handle({ actor: known.actor, skewMs: known.skewMs, body, signal: gone.signal, query: request.query as Call["query"], params: request.params as Call["params"] }));
          } catch (error) {
            return refuse(reply, request, requestHash, error);
          }
        },
      });

    scope.get("/exchange/v1/time", { config: { rateLimit: false } }, (_request, reply) => send(reply, "", { body: { centerTime: clock.now().toISOString() } }));

    scope.post("/exchange/v1/enrol", { bodyLimit: jsonLimitBytes }, async (request, reply) => {
      const body = bytesOf(request);
      const requestHash = sha256(body);
      try {
        return send(reply, requestHash, { body: await center.nodes.enrol({ ...anonymousActor, sourceAddress: request.ip, correlationId: request.id }, jsonOf<EnrolmentRequest>(body)) });
      } catch (error) {
        return refuse(reply, request, requestHash, error);
      }
    });

    route("POST", "/heartbeat", async ({ actor, body, skewMs }) => ({ body: await center.nodes.heartbeat(actor, jsonOf<Heartbeat>(body), skewMs) }));

    route("GET", "/assignments", async ({ actor, query, signal }) => ({ body: await center.feeds.assignments(actor, numberOf(query.after, 0, Number.MAX_SAFE_INTEGER), numberOf(query.waitMs, 0, maxWaitMs), signal) }));

    route(
      "POST",
      "/batches",
      async ({ actor, body }) => {
        const decoder = createFrameDecoder(defaultFrameLimits);
        const batches = decoder.push(body);
        decoder.end();
        const outcomes = await center.gateway.receive(actor, batches);
        const waiting = outcomes.filter((outcome) => outcome.outcome === "wait");
        const allWait = outcomes.length > 0 && waiting.length === outcomes.length;
        return { body: { outcomes }, ...(allWait ? { status: 429, headers: { "retry-after": String(Math.ceil(Math.max(...waiting.map((outcome) => outcome.retryAfterMs)) / 1000)) } } : {}) };
      },
      defaultFrameLimits.requestBytes + 1024,
    );

    route("GET", "/feeds/:feedId/batches", async ({ actor, params, query, signal }) => ({
      body: encodeReadBody(
        await center.gateway.read(actor, {
          feedId: params.feedId!,
          afterSequence: numberOf(query.after, 0, Number.MAX_SAFE_INTEGER),
          appliedSequence: numberOf(query.applied, 0, Number.MAX_SAFE_INTEGER),
          maxBytes: numberOf(query.maxBytes, 4 * 1024 * 1024, maxReadBytes),
          waitMs: numberOf(query.waitMs, 0, maxWaitMs),
          signal,
        }),
      ),
    }));

    const done = { body: { ok: true } };
    route("POST", "/source-schemas", async ({ actor, body }) => (await center.bindings.reportSourceSchemas(actor, jsonOf<SourceSchemaReport[]>(body)), done));
    route("POST", "/feeds/:feedId/problem", async ({ actor, params, body }) => (await center.feeds.reportProblem(actor, params.feedId!, jsonOf<FeedProblem>(body)), done));
    route("POST", "/feeds/:feedId/refresh", async ({ actor, params, body }) => (await center.feeds.requestRefresh(actor, params.feedId!, String(jsonOf<{ reason?: string }>(body).reason ?? "")), done));
    route("POST", "/feeds/:feedId/stopped", async ({ actor, params, body }) => (await center.feeds.confirmStopped(actor, params.feedId!, jsonOf<StopEvidence>(body)), done));
    route("POST", "/commands/done", async ({ actor, body }) => (await center.feeds.acknowledgeCommand(actor, jsonOf<CommandOutcome>(body)), done));
    route("POST", "/checksums", async ({ actor, body }) => (await center.feeds.reportChecksums(actor, jsonOf<ChecksumReport>(body)), done));
  });
}
