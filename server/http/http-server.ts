import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import Fastify, { type FastifyInstance } from "fastify";
import { randomUUID } from "node:crypto";
import { describeError, isRefusal, type ErrorKind, type Log, type Metrics } from "#platform";

/** The HTTP shell of a centre: limits, headers, health, metrics. What it serves is registered by the caller. */
export interface CreateHttpServerOptions {
  log: Log;
  metrics: Metrics;
  /** Requests a minute from one address before it is asked to wait. */
  requestsPerMinute: number;
  /** Largest body of an ordinary request, bytes; the exchange routes set their own. */
  bodyLimitBytes: number;
  /** Addresses of balancers whose X-Forwarded-For is believed. */
  trustedProxies?: string[];
  /** Each part that must answer before this process is ready; throws with the reason when it does not. */
  readiness: Record<string, () => Promise<void>>;
}

export const httpStatus: Record<ErrorKind, number> = { Input: 400, Authentication: 401, NotAllowed: 403, NotFound: 404, Conflict: 409, Unavailable: 503 };

export async function createHttpServer(options: CreateHttpServerOptions): Promise<FastifyInstance> {
  const { log, metrics } = options;
  const app = Fastify({
    logger: false,
    bodyLimit: options.bodyLimitBytes,
    genReqId: () => randomUUID(),
    trustProxy: options.trustedProxies ?? false,
    forceCloseConnections: true,
    requestTimeout: 120_000,
  });
  await app.register(helmet, { contentSecurityPolicy: false });
  // Whoever has hung up has no address any more, and nobody reads the answer.
  app.addHook("onRequest", async (request, reply) => {
    if (request.socket.destroyed) reply.hijack();
  });
  await app.register(rateLimit, {
    max: options.requestsPerMinute,
    timeWindow: "1 minute",
    // Nodes are limited by the gateway, by node and not by address.
    allowList: (request) => request.url.startsWith("/exchange/") || request.url === "/healthz" || request.url === "/readyz",
    errorResponseBuilder: (_request, context) => ({ statusCode: 429, errors: [{ message: `Too many requests: at most ${context.max} a minute; wait ${context.after}`, extensions: { code: "Unavailable", zh: `请求过于频繁,请在 ${context.after} 后重试` } }] }),
  });

  const seconds = metrics.histogram("http_request_seconds", "Time to answer an HTTP request", ["method", "route", "status"]);
  app.addHook("onResponse", async (request, reply) => {
    seconds.observe({ method: request.method, route: request.routeOptions.url ?? "none", status: String(reply.statusCode) }, reply.elapsedTime / 1_000);
    log.debug({ correlationId: request.id, method: request.method, route: request.routeOptions.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, "request");
  });

  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (isRefusal(error)) return reply.code(httpStatus[error.kind]).send({ error: { kind: error.kind, code: error.code, message: error.message, zh: error.zh, nextStep: error.nextStep, issues: error.issues, correlationId: request.id } });
    if (error.statusCode !== undefined && error.statusCode < 500) return reply.code(error.statusCode).send("errors" in error ? error : { error: { kind: "Input", message: error.message, correlationId: request.id } });
    log.error({ correlationId: request.id, route: request.routeOptions.url, error: describeError(error), stack: error.stack }, "unexpected error in a request");
    return reply.code(500).send({ error: { kind: "Unexpected", message: "Something went wrong here; the log has the details under the correlation id", zh: "服务器内部错误", correlationId: request.id } });
  });

  // Limited as well: otherwise addresses that are not there could be tried without end.
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) => reply.code(404).send({ error: { kind: "NotFound", message: `There is nothing at ${request.method} ${request.url.slice(0, 200)}`, zh: "地址不存在", correlationId: request.id } }));
  app.get("/healthz", async () => ({ status: "alive" }));
  app.get("/readyz", async (_request, reply) => {
    const parts = await Promise.all(
      Object.entries(options.readiness).map(async ([part, check]) => {
        try {
          await check();
          return [part, "ready"] as const;
        } catch (error) {
          return [part, describeError(error)] as const;
        }
      }),
    );
    const ready = parts.every(([, state]) => state === "ready");
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", parts: Object.fromEntries(parts) });
  });
  app.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return app;
}
