import proxyAddr from "@fastify/proxy-addr";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError, parse as graphqlParse, type ExecutionArgs, type GraphQLSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { createYoga, type Plugin } from "graphql-yoga";
import type { IncomingMessage } from "node:http";
import { WebSocketServer } from "ws";
import { AuthenticationError, describeError, isRefusal, type Actor, type GraphqlContext, type Log, type Metrics } from "#platform";

/**
 * The GraphQL endpoint: queries and mutations by POST, subscriptions by server-sent events (graphql-sse) and by
 * WebSocket (graphql-ws). Unexpected errors are masked and carry a correlation id that the log has too.
 */
export interface CreateGraphqlEndpointOptions {
  schema: GraphQLSchema;
  log: Log;
  metrics: Metrics;
  /** Who calls, from the token; refuses a token that is not good. */
  actorOf(caller: Caller): Promise<Actor>;
  /** Lexical tokens of one document; a larger one is refused before it is validated. Default 2,000. */
  maxTokens?: number;
  /** The GraphiQL page. */
  explorer: boolean;
  /** Addresses of balancers whose X-Forwarded-For is believed, as for the HTTP server: a WebSocket does not pass through it. */
  trustedProxies?: string[];
}

export interface Caller {
  token?: string;
  sourceAddress: string;
  correlationId: string;
}

interface ServerContext {
  caller: Caller;
}

const bearer = (header: string | undefined) => /^Bearer (\S{1,512})$/.exec(header ?? "")?.[1];

export function registerGraphqlEndpoint(app: FastifyInstance, options: CreateGraphqlEndpointOptions): { stop(): Promise<void> } {
  const { schema, log, metrics } = options;
  const duration = metrics.histogram("graphql_operation_seconds", "Time to answer a GraphQL operation", ["operation", "outcome"]);
  const names = new Set<string>();

  /** Metric labels are bounded: only names seen in documents that executed, and at most 200 of them. */
  const label = (name: string | null | undefined) => {
    if (!name) return "anonymous";
    if (!names.has(name) && names.size >= 200) return "other";
    names.add(name);
    return name;
  };

  const maskError = (error: unknown, correlationId: string): GraphQLError => {
    const original = error instanceof GraphQLError ? (error.originalError ?? undefined) : error;
    const where = error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {};
    if (isRefusal(original)) {
      return new GraphQLError(original.message, { ...where, extensions: { code: original.kind, reason: original.code, zh: original.zh, nextStep: original.nextStep, issues: original.issues, correlationId } });
    }
    // Errors of the document itself (syntax, unknown field, too deep) have no original error and say what to mend.
    if (error instanceof GraphQLError && original === undefined) return new GraphQLError(error.message, { ...where, extensions: { ...error.extensions, code: error.extensions.code ?? "Input", correlationId } });
    log.error({ correlationId, path: error instanceof GraphQLError ? error.path : undefined, error: describeError(original), stack: original instanceof Error ? original.stack : undefined }, "unexpected error in a GraphQL operation");
    return new GraphQLError("Something went wrong here; the log has the details under the correlation id", { ...where, extensions: { code: "Unexpected", zh: "服务器内部错误,请凭关联编号联系管理员", correlationId } });
  };

  const measured: Plugin = {
    onParse({ setParseFn }) {
      setParseFn((source: string, parseOptions?: object) => graphqlParse(source, { ...parseOptions, maxTokens: options.maxTokens ?? 2_000 }));
    },
    onExecute({ args }) {
      const started = process.hrtime.bigint();
      return {
        onExecuteDone({ result }) {
          const failed = typeof result === "object" && result !== null && "errors" in result && (result.errors?.length ?? 0) > 0;
          duration.observe({ operation: label(args.operationName), outcome: failed ? "error" : "done" }, Number(process.hrtime.bigint() - started) / 1e9);
        },
      };
    },
  };

  async function contextOf(caller: Caller): Promise<GraphqlContext> {
    return { actor: await options.actorOf(caller), correlationId: caller.correlationId };
  }

  const yoga = createYoga<ServerContext, GraphqlContext>({
    schema,
    graphqlEndpoint: "/graphql",
    landingPage: false,
    graphiql: options.explorer,
    logging: false,
    cors: false,
    batching: { limit: 10 },
    // Errors are masked by our own rule, below: refusals keep their meaning.
    maskedErrors: { maskError: (error) => maskError(error, (error as { extensions?: { correlationId?: string } }).extensions?.correlationId ?? "unknown") },
    context: async ({ caller }) => contextOf(caller),
    plugins: [
      measured,
      {
        onExecutionResult({ result, context }) {
          const { correlationId } = context as unknown as GraphqlContext;
          if (result && "errors" in result && Array.isArray(result.errors)) for (const error of result.errors as GraphQLError[]) error.extensions.correlationId ??= correlationId;
        },
      } satisfies Plugin,
    ],
  });

  const callerOf = (request: FastifyRequest): Caller => {
    const token = bearer(request.headers.authorization);
    return { ...(token === undefined ? {} : { token }), sourceAddress: request.ip, correlationId: request.id };
  };

  app.route({
    url: "/graphql",
    method: ["GET", "POST", "OPTIONS"],
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const caller = callerOf(request);
      try {
        // Before the document is looked at: a bad token is answered as such, whatever was asked.
        await options.actorOf(caller);
      } catch (error) {
        if (!(error instanceof AuthenticationError)) throw error;
        return reply.code(401).send({ errors: [{ message: error.message, extensions: { code: error.kind, zh: error.zh, nextStep: error.nextStep, correlationId: caller.correlationId } }] });
      }
      return yoga.handleNodeRequestAndResponse(request, reply, { caller });
    },
  });

  const trusted = proxyAddr.compile(options.trustedProxies ?? []);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 256 * 1024 });
  const disposable = useServer(
    {
      schema,
      connectionInitWaitTimeout: 10_000,
      context: async (ctx) => {
        const { request } = ctx.extra as { request: IncomingMessage };
        const token = typeof ctx.connectionParams?.token === "string" ? ctx.connectionParams.token : undefined;
        return contextOf({ ...(token === undefined ? {} : { token }), sourceAddress: proxyAddr(request, trusted) ?? "unknown", correlationId: crypto.randomUUID() });
      },
      onError: (_ctx, _id, _payload, errors) => errors.map((error) => maskError(error, "websocket")),
      onNext: (_ctx, _id, _payload, args: ExecutionArgs, result) => {
        if (!result.errors) return;
        return { ...result, errors: result.errors.map((error) => maskError(error, (args.contextValue as GraphqlContext).correlationId)) };
      },
    },
    sockets,
  );
  app.server.on("upgrade", (request, socket, head) => {
    if (request.url?.split("?")[0] !== "/graphql") return socket.destroy();
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit("connection", client, request));
  });

  return {
    async stop() {
      await disposable.dispose();
      await yoga.dispose();
    },
  };
}
