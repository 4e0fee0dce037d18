import { createHash } from "node:crypto";
import { ConflictError, InputError, NotAllowedError, NotFoundError, type Actor, type Issue, type Kernel, type Transaction } from "#platform";
import type { EntryDrafts, SavedDraft } from "../entries/entry-drafts.ts";
import { findEntries } from "../entries/entry-repository.ts";
import type { IdentifierArea } from "../model/identifiers.ts";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import type { Organisation } from "../model/types.ts";
import { findOrganisation, listOrganisations } from "../organisations/organisation-repository.ts";
import { findJob, findKnownEntries, findMissing, importScopeColumn, insertJob, insertRows, listJobs, listRows } from "./import-repository.ts";
import { builtInMappings, describeMappings, type MappingDescription } from "./mapping/built-in.ts";
import { withDefaults } from "./mapping/custom.ts";
import type { Mapping, Target } from "./mapping/mapping.ts";
import { readRecords, type FileRecords } from "./mapping/read-records.ts";
import type { ImportOutcome, ImportRecord } from "./model.ts";
import { chooseOrganisation } from "./organisations/choose-organisation.ts";
import { announceOrganisations, createOrganisations, organisationContent, regionOfCity } from "./organisations/create-organisations.ts";
import { createOrganisationMatcher } from "./organisations/match-organisations.ts";
import { addIssue, assignOrganisations, findDuplicates, keepEmptyMembers, matchCatalog, reject, withholdAll, type PreparedRow } from "./prepare.ts";
import type { ReadLimits } from "./reading/limits.ts";
import { readImportFile, type ImportFile } from "./reading/read-file.ts";
import { countIssues, countOutcomes, countRules, suggest, type ImportJob, type ImportRowReport, type ImportSummary } from "./report.ts";

export interface ImportOptions {
  file: ImportFile;
  /** A built-in vocabulary by name, or one of one's own (`parseMapping`). Default: recognised from the columns. */
  mapping?: string | Mapping;
  /** What a missing member is taken for, over the mapping's own defaults. */
  defaults?: Partial<Record<Target, string>>;
  /** That all rows belong to: its id, name, short name or unified social credit code. Default: each row's own column. */
  organisation?: string;
  /** Creates departments that the file names and nobody registered. Administrators of the city data office only. */
  createOrganisations?: boolean;
  /** Does everything but write to the catalog; the report is kept. */
  dryRun?: boolean;
  /** Any rejected row, and nothing is imported. */
  strict?: boolean;
  onProgress?: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  step: "reading" | "understanding" | "saving" | "reporting";
  done: number;
  total: number;
}

export interface ImportService {
  /**
   * Imports one file as drafts: all acceptable rows in one transaction, the others reported. The report of every row is
   * written with them. Cataloguers for their own department, city reviewers for all. Throws only when the file as a
   * whole cannot be read or understood.
   */
  run(actor: Actor, options: ImportOptions): Promise<ImportJob>;
  /** Refuses whoever may not import for anybody: before a file is taken in. */
  assertMayImport(actor: Actor): void;
  get(actor: Actor, jobId: string): Promise<ImportJob>;
  /** Newest first. */
  list(actor: Actor, page: PageRequest): Promise<Page<ImportJob>>;
  /** The report row by row, in the order of the file. */
  rows(actor: Actor, jobId: string, filter: { outcome?: ImportOutcome }, page: PageRequest): Promise<Page<ImportRowReport>>;
  /** All of them, for a download. */
  allRows(actor: Actor, jobId: string): AsyncIterable<ImportRowReport>;
  mappings(): MappingDescription[];
}

export interface CreateImportServiceOptions {
  kernel: Kernel;
  area: IdentifierArea;
  drafts: Pick<EntryDrafts, "saveDrafts">;
  limits?: Partial<ReadLimits>;
}

/** One import writes at a time: two of the same file would meet on the keys of its rows. */
const importLock = 7_305_041;
const missingShown = 100;

export function createImportService({ kernel, area, drafts, limits }: CreateImportServiceOptions): ImportService {
  const { access, audit, clock, database, newId } = kernel;

  function mappingsFor({ mapping, defaults }: ImportOptions): Mapping[] {
    const chosen = mapping === undefined ? [...builtInMappings] : typeof mapping === "string" ? builtInMappings.filter((each) => each.name === mapping) : [mapping];
    if (chosen.length === 0) throw new InputError(`There is no mapping called ${String(mapping)}`, { zh: `没有名为 ${String(mapping)} 的映射`, code: "mapping.unknown", nextStep: `Known: ${builtInMappings.map((each) => each.name).join(", ")}; or give a YAML file.` });
    return defaults === undefined ? chosen : chosen.map((each) => withDefaults(each, defaults));
  }

  async function getSeen(actor: Actor, jobId: string): Promise<ImportJob> {
    const job = await database.read((reader) => findJob(reader, jobId));
    if (!job || !access.allows(actor, "import", "see", job)) throw new NotFoundError(`No import ${jobId} that you may see`, { zh: "导入任务不存在或无权查看", code: "import.not-found" });
    return job;
  }

  async function rowsPage(jobId: string, outcome: ImportOutcome | undefined, afterPosition: number, limit: number): Promise<ImportRowReport[]> {
    return database.read((reader) => listRows(reader, jobId, { outcome, afterPosition, limit }));
  }

  /** Everything that happens in the transaction; called again from the start when PostgreSQL asks for it. */
  async function write(tx: Transaction, actor: Actor, options: ImportOptions, file: FileRecords, about: Pick<ImportSummary, "file"> & { digest: string; startedMs: number }): Promise<ImportJob> {
    await tx.query("select pg_advisory_xact_lock($1)", [importLock]);
    const columnFor = columnFinder(file);
    const rows = file.records.map((record, index): PreparedRow => ({ position: index + 1, record, issues: [...record.issues], ...(record.content === undefined ? {} : { content: record.content }) }));
    const settle = () => void rows.forEach((row) => row.content !== undefined && row.issues.some((issue) => issue.severity === "error") && reject(row));

    const organisations = await listOrganisations(tx, { afterNumber: 0, limit: 1_000 });
    const newDraft = (organisation: Organisation) => ({ id: "", organisationId: organisation.id, state: "draft", sharingType: "refused", open: false });
    const mayImportFor = (organisation: Organisation) => access.allows(actor, "entry", "import", newDraft(organisation));
    const forced = options.organisation === undefined ? undefined : chooseOrganisation(organisations, options.organisation);
    if (forced !== undefined && !mayImportFor(forced)) throw new NotAllowedError(`You may not import for ${forced.name}`, { zh: `无权为“${forced.name}”导入`, code: "entry.import.not-allowed", nextStep: "Ask a cataloguer of that department, or the city reviewer." });
    if (forced?.active === false) throw new ConflictError(`Organisation ${forced.name} is closed`, { zh: "提供方机构已停用", code: "organisation.closed" });
    const matcher = createOrganisationMatcher(organisations, file.mapping.city);
    assignOrganisations(rows, { matcher, forced, createUnknown: options.createOrganisations === true, mayImportFor, columnFor });
    settle();
    findDuplicates(rows, columnFor);
    settle();

    await tx.query("savepoint import_rows");
    const made = await makeOrganisations(tx, actor, rows, file, columnFor);
    settle();
    const byId = new Map([...organisations, ...made].map((organisation) => [organisation.id, organisation]));
    const open = () => rows.filter((row) => row.content !== undefined && row.organisation !== undefined);
    const found = await findKnownEntries(tx, {
      ids: open().flatMap((row) => row.record.entryId ?? []),
      references: open().flatMap((row) => row.content!.sourceReference ?? []),
      titles: open().map((row) => ({ organisationId: row.organisation!.id, title: row.content!.title })),
    });
    // Whoever may not see an entry learns nothing of it, not even that it came from the same source.
    const known = found.filter((entry) => access.allows(actor, "entry", "see", entry));
    matchCatalog(rows, { known, organisationName: (id) => byId.get(id)?.name ?? id, columnFor });
    settle();
    options.onProgress?.({ step: "saving", done: 0, total: rows.length });
    const saved = open();
    const exported = await findEntries(tx, saved.flatMap((row) => (row.entryId !== undefined && row.entryId === row.record.entryId ? row.entryId : [])));
    for (const row of saved) {
      const before = row.entryId === undefined ? undefined : exported.get(row.entryId);
      if (before !== undefined) row.content = keepEmptyMembers(row.content!, before.content);
    }
    const outcomes = await drafts.saveDrafts(tx, actor, saved.map((row) => ({ organisationId: row.organisation!.id, content: row.content!, ...(row.entryId === undefined ? {} : { entryId: row.entryId }) })));
    outcomes.forEach((outcome, index) => takeOutcome(saved[index]!, outcome, columnFor));
    await announceOrganisations(tx, kernel, actor, made);
    for (const row of rows) row.outcome ??= "rejected";
    const missingFromFile = await missing(tx, rows, file);

    const rejected = rows.some((row) => row.outcome === "rejected");
    const withheld = options.strict === true && rejected;
    if (withheld) withholdAll(rows);
    if (withheld || options.dryRun) {
      await tx.query("rollback to savepoint import_rows");
      // Codes and ids of what was rolled back were never given out.
      for (const row of rows) {
        if (row.outcome !== "created") continue;
        delete row.entryId;
        delete row.entryCode;
      }
    }
    options.onProgress?.({ step: "reporting", done: rows.length, total: rows.length });
    const job = summarise(actor, options, file, rows, { ...about, made, missingFromFile, imported: !withheld && !options.dryRun });
    await insertJob(tx, job.job);
    await insertRows(tx, job.job.id, job.rows);
    await audit.record(tx, actor, { action: "import.run", objectType: "import", objectId: job.job.id, detail: { digest: job.job.fileDigest, mapping: job.job.mapping, dryRun: job.job.dryRun, imported: job.job.imported, ...job.job.counts } });
    return job.job;
  }

  async function makeOrganisations(tx: Transaction, actor: Actor, rows: readonly PreparedRow[], file: FileRecords, columnFor: ReturnType<typeof columnFinder>): Promise<Organisation[]> {
    const wanted = new Map<string, PreparedRow[]>();
    for (const row of rows) if (row.newOrganisation !== undefined && row.content !== undefined) wanted.set(row.newOrganisation, [...(wanted.get(row.newOrganisation) ?? []), row]);
    if (wanted.size === 0) return [];
    access.assert(actor, "organisation", "create", {});
    const own = actor.organisationId === undefined ? undefined : await findOrganisation(tx, actor.organisationId);
    const regionCode = regionOfCity(file.mapping.city) ?? own?.regionCode;
    const contents = [...wanted].flatMap(([name, named]) => {
      const { providerName, providerCode } = named[0]!.record;
      const content = organisationContent({ name, ...(providerName === undefined ? {} : { shortName: providerName }), ...(providerCode === undefined ? {} : { socialCreditCode: providerCode }) }, regionCode ?? `${area.provinceCode}0000`);
      const problems = kernel.validator.validate("organisation", content);
      for (const row of problems.length > 0 ? named : []) addIssue(row, columnFor, "error", "/organisation", "organisation.invalid", { en: `cannot be registered: ${problems[0]!.message}`, zh: `无法登记该机构:${problems[0]!.zh}` }, providerName);
      return problems.length > 0 ? [] : [content];
    });
    const made = await createOrganisations(tx, kernel, area, contents);
    for (const organisation of made) for (const row of wanted.get(organisation.name) ?? []) row.organisation = organisation;
    return made;
  }

  async function missing(tx: Transaction, rows: readonly PreparedRow[], file: FileRecords): Promise<ImportSummary["missingFromFile"]> {
    const present = rows.flatMap((row) => row.record.content?.sourceReference ?? row.record.reference ?? []);
    const source = file.mapping.key === undefined ? undefined : (file.mapping.source ?? present[0]?.split("#")[0]);
    if (source === undefined) return { count: 0, sample: [] };
    return findMissing(tx, { source, present, organisationIds: [...new Set(rows.flatMap((row) => row.organisation?.id ?? []))], limit: missingShown });
  }

  function summarise(actor: Actor, options: ImportOptions, file: FileRecords, prepared: readonly PreparedRow[], about: Pick<ImportSummary, "file" | "missingFromFile"> & { digest: string; startedMs: number; made: readonly Organisation[]; imported: boolean }): { job: ImportJob; rows: ImportRowReport[] } {
    const rows = prepared.map((row): ImportRowReport => ({
      position: row.position,
      row: row.record.row,
      outcome: row.outcome!,
      title: row.record.title.slice(0, 300),
      issues: row.issues,
      ...(row.record.sheet === undefined ? {} : { sheet: row.record.sheet }),
      ...(row.record.providerName === undefined ? {} : { provider: row.record.providerName.slice(0, 200) }),
      ...(row.organisation === undefined || (!about.imported && about.made.includes(row.organisation)) ? {} : { organisationId: row.organisation.id }),
      ...(row.entryId === undefined ? {} : { entryId: row.entryId }),
      ...(row.entryCode === undefined ? {} : { entryCode: row.entryCode }),
    }));
    const issues = countIssues(rows);
    const organisations = organisationFindings(prepared, about.made);
    const counts = countOutcomes(rows);
    const summary: ImportSummary = {
      file: about.file,
      mapping: { name: file.mapping.name, title: file.mapping.title },
      tables: file.tables,
      skippedSheets: file.skippedSheets,
      rules: countRules(prepared.filter((row) => row.outcome !== "rejected").map((row) => row.record.rules)),
      issues,
      organisations,
      itemRows: file.records.reduce((sum, record) => sum + record.itemRows, 0),
      remarkRows: file.remarkRows,
      missingFromFile: about.missingFromFile,
      suggestions: suggest({ issues, organisations, strict: options.strict === true, counts }),
      durationMs: Math.round(performance.now() - about.startedMs),
    };
    const job: ImportJob = {
      id: newId("import"),
      fileName: options.file.name.slice(0, 300),
      fileDigest: about.digest,
      fileBytes: options.file.bytes.byteLength,
      mapping: file.mapping.name,
      dryRun: options.dryRun === true,
      strict: options.strict === true,
      imported: about.imported,
      counts,
      summary,
      createdAt: clock.now(),
      createdBy: actor.id,
      ...(actor.organisationId === undefined ? {} : { organisationId: actor.organisationId }),
    };
    return { job, rows };
  }

  return {
    async run(actor, options) {
      access.assertAnyScope(actor, "entry", "import");
      if (options.createOrganisations) access.assert(actor, "organisation", "create", {});
      const startedMs = performance.now();
      const mappings = mappingsFor(options);
      options.onProgress?.({ step: "reading", done: 0, total: options.file.bytes.byteLength });
      const raw = await readImportFile(options.file, limits);
      const file = await readRecords(raw, options.file.name, mappings, (done, total) => options.onProgress?.({ step: "understanding", done, total }));
      const about = {
        file: { name: options.file.name, kind: raw.kind, ...(raw.encoding === undefined ? {} : { encoding: raw.encoding }), ...(raw.delimiter === undefined ? {} : { delimiter: raw.delimiter }) },
        digest: createHash("sha256").update(options.file.bytes).digest("hex"),
        startedMs,
      };
      return database.withTransaction((tx) => write(tx, actor, options, file, about));
    },

    assertMayImport: (actor) => access.assertAnyScope(actor, "entry", "import"),

    get: getSeen,

    async list(actor, { first, after }) {
      access.assertAnyScope(actor, "import", "see");
      checkPageSize(first);
      const [at, id] = after === undefined ? [] : decodeCursor(after, 2);
      const condition = access.condition(actor, "import", "see", { column: importScopeColumn, firstPlaceholder: 4 });
      const jobs = await database.read((reader) => listJobs(reader, { ...(at === undefined ? {} : { before: { createdAt: new Date(Number(at)), id: String(id) } }), limit: first + 1, condition }));
      return toPage(jobs, first, (job) => encodeCursor([job.createdAt.getTime(), job.id]));
    },

    async rows(actor, jobId, { outcome }, { first, after }) {
      await getSeen(actor, jobId);
      checkPageSize(first);
      const rows = await rowsPage(jobId, outcome, after === undefined ? 0 : Number(decodeCursor(after, 1)[0]), first + 1);
      return toPage(rows, first, (row) => encodeCursor([row.position]));
    },

    async *allRows(actor, jobId) {
      await getSeen(actor, jobId);
      for (let after = 0; ; ) {
        const rows = await rowsPage(jobId, undefined, after, 1_000);
        yield* rows;
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.position;
      }
    },

    mappings: describeMappings,
  };
}

/** The file's column for a path of the content, for findings that the entry's schema makes. */
function columnFinder(file: FileRecords): (record: ImportRecord, path: string) => string | undefined {
  return (record, path) => {
    const columns = file.columns.get(record.sheet ?? "");
    const member = path.split("/")[1] ?? "";
    const targets: readonly Target[] = member === "organisation" ? ["provider"] : member === "items" ? [`item.${path.split("/")[3] ?? "name"}` as Target, "item.name"] : member === "format" ? ["formats", "formatClass"] : [member as Target];
    return targets.flatMap((target) => columns?.get(target)?.[0]?.header ?? [])[0];
  };
}

function takeOutcome(row: PreparedRow, outcome: SavedDraft, columnFor: ReturnType<typeof columnFinder>): void {
  const report = (severity: "error" | "warning", issue: Issue, code: string, words: { en: string; zh: string }) => addIssue(row, columnFor, severity, issue.path, code, words);
  if (outcome.outcome === "refused") {
    row.outcome = "rejected";
    for (const issue of outcome.issues) report("error", issue, issue.code.includes(".") ? issue.code : `content.${issue.code}`, { en: issue.message, zh: issue.zh });
    return;
  }
  row.outcome = outcome.outcome;
  row.entryId = outcome.entryId;
  row.entryCode = outcome.code;
  for (const gap of outcome.gaps) report("warning", gap, "gap", { en: `${gap.path.slice(1).replaceAll("/", ".")} ${gap.message}: to be filled before submission`, zh: `${gap.zh},提交前补填` });
}

function organisationFindings(rows: readonly PreparedRow[], made: readonly Organisation[]): ImportSummary["organisations"] {
  const unknown = new Map<string, { rows: number; suggestion?: string }>();
  const found = new Set<string>();
  for (const row of rows) {
    if (row.organisation !== undefined && !made.includes(row.organisation)) found.add(row.organisation.id);
    const issue = row.issues.find((each) => each.code === "organisation.unknown");
    if (issue === undefined) continue;
    const name = row.record.providerName ?? row.record.providerCode ?? "";
    const suggestion = /is it (.+)\?$/.exec(issue.message)?.[1];
    unknown.set(name, { rows: (unknown.get(name)?.rows ?? 0) + 1, ...(suggestion === undefined ? {} : { suggestion }) });
  }
  return { found: found.size, created: made.map((organisation) => organisation.name), unknown: [...unknown].map(([name, each]) => ({ name, ...each })).sort((left, right) => right.rows - left.rows) };
}
