import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { parseMapping, type ExportOptions, type ImportJob, type ImportOptions, type ImportRowReport, type Target } from "#catalog";
import { AuthenticationError, ConflictError, InputError, NotAllowedError, NotFoundError, systemActor, UnavailableError, type ErrorKind, type Issue } from "#platform";
import { withCenterServices } from "./center-services.ts";

/** Where a command imports to and exports from: a centre's database here, or a centre's address with somebody's rights. */
export interface CatalogDesk {
  run(options: DeskImport): Promise<ImportJob>;
  rows(jobId: string): AsyncIterable<ImportRowReport>;
  exportEntries(options: ExportOptions): Promise<AsyncIterable<Uint8Array>>;
}

export interface DeskImport extends Omit<ImportOptions, "mapping"> {
  /** Name of a vocabulary, or the text of one's own with the file that it stands in. */
  mapping?: string | { yaml: string; file: string };
}

export interface DeskOptions {
  config?: string;
  /** Address of a centre; absent: the database of the settings. */
  center?: string;
  /** Who logs in there; absent: the token in ZHENGTONG_TOKEN. */
  user?: string;
}

export async function withCatalogDesk<Result>(options: DeskOptions, work: (desk: CatalogDesk) => Promise<Result>): Promise<Result> {
  if (options.center !== undefined) return withRemoteDesk(options.center, options.user, work);
  if (options.user !== undefined) throw new InputError("--user logs in to a centre: give its address with --center", { zh: "--user 用于登录中心,请同时用 --center 给出地址" });
  return withCenterServices(options, ({ catalog }) => work({
    run: ({ mapping, ...rest }) => catalog.imports.run(systemActor("import"), { ...rest, ...(mapping === undefined ? {} : { mapping: typeof mapping === "string" ? mapping : parseMapping(mapping.yaml, mapping.file) }) }),
    rows: (jobId) => catalog.imports.allRows(systemActor("import"), jobId),
    exportEntries: async (exportOptions) => (await catalog.exports.run(systemActor("export"), exportOptions)).chunks,
  }));
}

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"]);

async function withRemoteDesk<Result>(center: string, user: string | undefined, work: (desk: CatalogDesk) => Promise<Result>): Promise<Result> {
  const base = URL.canParse(center) ? new URL(center) : undefined;
  if (base === undefined || (base.protocol !== "https:" && !(base.protocol === "http:" && loopback.has(base.hostname)))) throw new InputError(`The centre's address ${center} is not https://`, { zh: `中心地址 ${center} 不是 https://`, nextStep: "Give an https:// address; http:// is for loopback only." });

  async function call(path: string, init: RequestInit = {}, token?: string): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, base), { ...init, headers: { ...init.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) } });
    } catch (cause) {
      throw new UnavailableError(`The centre ${base!.origin} does not answer`, { zh: `中心 ${base!.origin} 无法连接`, nextStep: "Check the address and the network.", cause });
    }
    if (!answer.ok) throw await refusalOf(answer);
    return answer;
  }
  const graphql = async (query: string, variables: object, token?: string): Promise<GraphqlAnswer> => (await (await call("/graphql", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query, variables }) }, token)).json()) as GraphqlAnswer;

  async function logIn(username: string): Promise<string> {
    const password = process.env.ZHENGTONG_PASSWORD ?? (await askPassword(username));
    const { data, errors } = await graphql("mutation LogIn($username: String!, $password: String!) { login(username: $username, password: $password) { ... on MutationLoginSuccess { data { token } } ... on Refusal { kind message zh nextStep } } }", { username, password });
    const token = data?.login?.data?.token;
    if (token !== undefined) return token;
    throw asRefusal({ kind: "Authentication", message: "The log-in was refused", zh: "登录失败", ...data?.login, ...(errors?.[0] === undefined ? {} : { message: errors[0].message }) });
  }

  const token = user === undefined ? process.env.ZHENGTONG_TOKEN : await logIn(user);
  if (token === undefined) throw new InputError("Who is calling is not stated", { zh: "未说明登录人", nextStep: "Give --user (the password is asked for, or taken from ZHENGTONG_PASSWORD), or a token in ZHENGTONG_TOKEN." });
  try {
    return await work({
      async run(options) {
        const form = formOf(options);
        const { job } = (await (await call("/catalog/imports", { method: "POST", body: form }, token)).json()) as { job: Omit<ImportJob, "createdAt"> & { createdAt: string } };
        return { ...job, createdAt: new Date(job.createdAt) };
      },
      async *rows(jobId) {
        const { rows } = (await (await call(`/catalog/imports/${encodeURIComponent(jobId)}/report?format=json`, {}, token)).json()) as { rows: ImportRowReport[] };
        yield* rows;
      },
      async exportEntries({ format, organisation, states }) {
        const query = new URLSearchParams({ format, ...(organisation === undefined ? {} : { organisation }), ...(states === undefined ? {} : { states: states.join(",") }) });
        const { body } = await call(`/catalog/export?${query.toString()}`, {}, token);
        if (body === null) throw new UnavailableError("The centre answered without a file", { zh: "中心未返回文件" });
        return body;
      },
    });
  } finally {
    // A token that was given outlives the command; a log-in of its own does not.
    if (user !== undefined) await graphql("mutation LogOut { logout { __typename } }", {}, token);
  }
}

interface GraphqlAnswer {
  data?: { login?: Partial<RefusalFields> & { data?: { token: string } } } | null;
  errors?: { message: string }[];
}

interface RefusalFields {
  kind: ErrorKind;
  message: string;
  zh: string;
  code?: string;
  nextStep?: string;
  issues?: Issue[];
}

function asRefusal({ kind, message, ...more }: RefusalFields): Error {
  const Kind = { Input: InputError, Authentication: AuthenticationError, NotAllowed: NotAllowedError, NotFound: NotFoundError, Conflict: ConflictError, Unavailable: UnavailableError }[kind] ?? UnavailableError;
  return new Kind(message, more);
}

async function refusalOf(answer: Response): Promise<Error> {
  const text = await answer.text();
  const plain: RefusalFields = { kind: "Unavailable", message: `The centre answered ${answer.status}`, zh: `中心返回 ${answer.status}` };
  try {
    const body = JSON.parse(text) as { error?: RefusalFields; errors?: { message: string; extensions?: { code?: ErrorKind; zh?: string; nextStep?: string } }[] };
    const first = body.errors?.[0];
    if (body.error !== undefined) return asRefusal({ ...plain, ...body.error });
    if (first !== undefined) return asRefusal({ kind: first.extensions?.code ?? plain.kind, message: first.message, zh: first.extensions?.zh ?? plain.zh, ...(first.extensions?.nextStep === undefined ? {} : { nextStep: first.extensions.nextStep }) });
  } catch (cause) {
    // Not ours: a proxy's page. The status has to do.
    return new UnavailableError(plain.message, { zh: plain.zh, cause });
  }
  return asRefusal(plain);
}

function formOf({ file, mapping, organisation, defaults, createOrganisations, dryRun, strict }: DeskImport): FormData {
  const form = new FormData();
  form.set("file", new File([new Uint8Array(file.bytes)], file.name));
  if (typeof mapping === "string") form.set("mapping", mapping);
  else if (mapping !== undefined) form.set("mapping", new File([mapping.yaml], mapping.file));
  if (organisation !== undefined) form.set("organisation", organisation);
  for (const [member, value] of Object.entries(defaults ?? {}) as [Target, string][]) form.append("default", `${member}=${value}`);
  for (const [name, flag] of Object.entries({ createOrganisations, dryRun, strict })) if (flag !== undefined) form.set(name, String(flag));
  return form;
}

/** On the terminal, without showing it. */
export async function askPassword(username: string): Promise<string> {
  if (!process.stdin.isTTY) throw new InputError(`The password of ${username} is needed`, { zh: `需要 ${username} 的密码`, nextStep: "Put it into ZHENGTONG_PASSWORD." });
  process.stderr.write(`密码 Password (${username}): `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise<string>((resolve) => lines.question("", resolve));
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
