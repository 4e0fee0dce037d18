import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Readable } from "node:stream";
import { parseMapping, readDefault, reportCsvHeader, reportCsvLines, type Catalog, type EntryState, type ExportFormat, type ImportOptions, type ImportRowReport } from "#catalog";
import { InputError, UnavailableError, type Actor } from "#platform";
import type { Caller } from "./graphql-endpoint.ts";

export interface RegisterCatalogFilesOptions {
  catalog: Pick<Catalog, "imports" | "exports">;
  actorOf(caller: Caller): Promise<Actor>;
  /** Largest upload, bytes: a file and the fields beside it. */
  uploadLimitBytes?: number;
}

const bearer = (header: string | undefined) => /^Bearer (\S{1,512})$/.exec(header ?? "")?.[1];
const defaultUploadLimitBytes = 65 * 1024 * 1024;
/** Each holds its file in memory and reads it in a thread of its own. */
const mostUploads = 2;
/** Whole catalogs are heavy: a person needs a few a minute. */
const perMinute = { rateLimit: { max: 30, timeWindow: "1 minute" } };

/**
 * Files of the catalog: `POST /catalog/imports` (multipart form), `GET /catalog/imports/:id/report`, `GET
 * /catalog/export`. Who calls is told by the same token as in GraphQL; the services decide what they may do.
 */
export function registerCatalogFiles(app: FastifyInstance, { catalog: { imports, exports }, actorOf, uploadLimitBytes = defaultUploadLimitBytes }: RegisterCatalogFilesOptions): void {
  const callers = new WeakMap<FastifyRequest, Actor>();
  let uploads = 0;

  const authenticate = async (request: FastifyRequest): Promise<Actor> => {
    const token = bearer(request.headers.authorization);
    const actor = await actorOf({ ...(token === undefined ? {} : { token }), sourceAddress: request.ip, correlationId: request.id });
    return { ...actor, operation: `http ${request.method} ${request.routeOptions.url ?? ""}` };
  };

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(/^multipart\/form-data/, { parseAs: "buffer" }, (_request, body, done) => done(null, body));

    scope.post("/catalog/imports", {
      bodyLimit: uploadLimitBytes,
      config: perMinute,
      // Before the body is read: nobody fills memory who may not import.
      onRequest: async (request, reply) => {
        const actor = await authenticate(request);
        imports.assertMayImport(actor);
        if (uploads >= mostUploads) throw new UnavailableError("Other imports are under way here", { zh: "正在处理其他导入,请稍后再试", code: "import.busy", nextStep: "Try again in a minute." });
        uploads += 1;
        reply.raw.once("close", () => void (uploads -= 1));
        callers.set(request, actor);
      },
    }, async (request) => {
      const job = await imports.run(callers.get(request)!, await readForm(request));
      return { job };
    });

    scope.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>("/catalog/imports/:id/report", { config: perMinute }, async (request, reply) => {
      const actor = await authenticate(request);
      const job = await imports.get(actor, request.params.id);
      const rows = imports.allRows(actor, job.id);
      return textOf(request.query, "format") === "json"
        ? download(reply, `import-${job.id}.json`, "application/json", reportJson(JSON.stringify(job), rows))
        : download(reply, `import-${job.id}.csv`, "text/csv; charset=utf-8", reportCsv(job.fileName, rows));
    });

    scope.get<{ Querystring: Record<string, unknown> }>("/catalog/export", { config: perMinute }, async (request, reply) => {
      const actor = await authenticate(request);
      const organisation = textOf(request.query, "organisation");
      const states = textOf(request.query, "states")?.split(",") as EntryState[] | undefined;
      const { fileName, mediaType, chunks } = await exports.run(actor, { format: (textOf(request.query, "format") ?? "csv") as ExportFormat, ...(organisation === undefined ? {} : { organisation }), ...(states === undefined ? {} : { states }) });
      return download(reply, fileName, mediaType, chunks);
    });
  });
}

function textOf(query: Record<string, unknown>, name: string): string | undefined {
  const value = query[name];
  if (value !== undefined && typeof value !== "string") throw new InputError(`${name} is given twice`, { zh: `参数 ${name} 重复`, code: "query.twice" });
  return value === "" ? undefined : value;
}

const download = (reply: FastifyReply, fileName: string, mediaType: string, chunks: AsyncIterable<Uint8Array | string>) =>
  reply.header("content-disposition", `attachment; filename="${fileName}"`).header("cache-control", "no-store").type(mediaType).send(Readable.from(chunks, { objectMode: false }));

async function* reportCsv(fileName: string, rows: AsyncIterable<ImportRowReport>): AsyncGenerator<string> {
  yield reportCsvHeader();
  for await (const row of rows) yield reportCsvLines(fileName, row);
}

async function* reportJson(job: string, rows: AsyncIterable<ImportRowReport>): AsyncGenerator<string> {
  yield `{"job":${job},"rows":[`;
  let first = true;
  for await (const row of rows) {
    yield `${first ? "\n" : ",\n"}${JSON.stringify(row)}`;
    first = false;
  }
  yield "\n]}\n";
}

const flags = ["createOrganisations", "dryRun", "strict"] as const;
const known: ReadonlySet<string> = new Set(["file", "mapping", "organisation", "default", ...flags]);

/** The form: `file`; `mapping` as a name or a YAML file; `organisation`; `default=member=value` any number of times; flags as `true`. */
async function readForm(request: FastifyRequest): Promise<ImportOptions> {
  const wrong = (message: string, zh: string) => new InputError(message, { zh, code: "import.form", nextStep: "Send multipart/form-data: file, and if wanted mapping, organisation, default, createOrganisations, dryRun, strict." });
  if (!Buffer.isBuffer(request.body)) throw wrong("The file is missing", "缺少文件");
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(request.body), { headers: { "content-type": request.headers["content-type"] ?? "" } }).formData();
  } catch (cause) {
    throw new InputError("The form cannot be read", { zh: "表单无法读取", code: "import.form", nextStep: "Send multipart/form-data, as a browser's form or curl -F does.", cause });
  }
  const file = form.get("file");
  if (file === null || typeof file === "string") throw wrong("The file is missing", "缺少文件");
  for (const name of form.keys()) if (!known.has(name)) throw wrong(`"${name}" is not a field of this form`, `表单没有字段“${name}”`);
  const options: ImportOptions = { file: { name: file.name, bytes: Buffer.from(await file.arrayBuffer()) } };
  const mapping = form.get("mapping");
  if (typeof mapping === "string" && mapping !== "") options.mapping = mapping;
  else if (mapping !== null && typeof mapping !== "string") options.mapping = parseMapping(await mapping.text(), mapping.name);
  const organisation = form.get("organisation");
  if (typeof organisation === "string" && organisation !== "") options.organisation = organisation;
  const defaults = form.getAll("default").map((text) => readDefault(String(text)));
  if (defaults.length > 0) options.defaults = Object.fromEntries(defaults);
  for (const flag of flags) {
    const text = form.get(flag);
    if (text === null) continue;
    if (text !== "true" && text !== "false") throw wrong(`${flag} must be true or false`, `${flag} 应为 true 或 false`);
    options[flag] = text === "true";
  }
  return options;
}
