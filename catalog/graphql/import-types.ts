import { InputError, refusals, type Issue, type ZhengtongSchemaBuilder } from "#platform";
import type { Catalog } from "../catalog.ts";
import { adviceFor, type Advice } from "../import/advice.ts";
import { assertTarget, parseMapping } from "../import/mapping/custom.ts";
import type { MappingDescription } from "../import/mapping/built-in.ts";
import { importOutcomes, severities, type ImportIssue } from "../import/model.ts";
import { describeImport } from "../import/report-text.ts";
import type { ImportJob, ImportRowReport, OutcomeCounts } from "../import/report.ts";
import type { CatalogCoreTypes } from "./core-types.ts";
import { enumValues, filled, toConnection, toPageRequest } from "./sharing/values.ts";

export interface AddImportTypesOptions {
  imports: Catalog["imports"];
  core: Pick<CatalogCoreTypes, "Organisation" | "Entry">;
}

/** Import jobs and their reports. Large files come by `POST /catalog/imports`; the mutation takes what fits in a GraphQL request. */
export function addImportTypes(builder: ZhengtongSchemaBuilder, { imports, core }: AddImportTypesOptions): void {
  const Outcome = builder.enumType("ImportOutcome", { description: "What became of a row; the outcomes of a file add up to its rows. SKIPPED: says the same as another row, or withheld by `strict`.", values: enumValues(importOutcomes) });
  const Severity = builder.enumType("ImportSeverity", { description: "ERROR keeps the row out; WARNING should be looked at; NOTE says how a value was understood.", values: enumValues(severities) });
  const Language = builder.enumType("Language", { values: { EN: { value: "en" }, ZH: { value: "zh" } } as const });

  const AdviceRef = builder.objectRef<Advice>("ImportAdvice").implement({ fields: (t) => ({ en: t.exposeString("en"), zh: t.exposeString("zh") }) });
  const IssueRef = builder.objectRef<ImportIssue>("ImportIssue").implement({
    description: "One finding at one field of one row.",
    fields: (t) => ({
      path: t.exposeString("path", { description: "The entry's member." }),
      column: t.exposeString("column", { nullable: true, description: "The file's own column." }),
      code: t.exposeString("code"),
      severity: t.field({ type: Severity, resolve: (issue) => issue.severity }),
      message: t.exposeString("message"),
      zh: t.exposeString("zh"),
      value: t.exposeString("value", { nullable: true, description: "What stood there, shortened." }),
      nextStep: t.field({ type: AdviceRef, nullable: true, resolve: (issue) => adviceFor(issue) }),
    }),
  });
  const Row = builder.objectRef<ImportRowReport>("ImportRow").implement({
    fields: (t) => ({
      position: t.exposeInt("position", { description: "In the file's order, from 1." }),
      row: t.exposeInt("row", { description: "The line of a table, the element of a list." }),
      sheet: t.exposeString("sheet", { nullable: true }),
      outcome: t.field({ type: Outcome, resolve: (row) => row.outcome }),
      title: t.exposeString("title"),
      provider: t.exposeString("provider", { nullable: true, description: "As the file writes it." }),
      organisation: t.field({ type: core.Organisation, nullable: true, resolve: (row) => row.organisationId }),
      entry: t.field({ type: core.Entry, nullable: true, resolve: (row) => row.entryId }),
      entryCode: t.exposeString("entryCode", { nullable: true }),
      issues: t.field({ type: [IssueRef], resolve: (row) => row.issues }),
    }),
  });
  const Counts = builder.objectRef<OutcomeCounts>("ImportCounts").implement({
    fields: (t) => ({ created: t.exposeInt("created"), updated: t.exposeInt("updated"), unchanged: t.exposeInt("unchanged"), skipped: t.exposeInt("skipped"), rejected: t.exposeInt("rejected") }),
  });
  const Job = builder.objectRef<ImportJob>("ImportJob").implement({
    description: "One file, imported as a whole or not at all, with what became of each row.",
    fields: (t) => ({
      id: t.exposeID("id"),
      fileName: t.exposeString("fileName"),
      fileDigest: t.exposeString("fileDigest", { description: "SHA-256 of the file." }),
      fileBytes: t.exposeFloat("fileBytes"),
      mapping: t.exposeString("mapping", { description: "The vocabulary that it was read by." }),
      dryRun: t.exposeBoolean("dryRun"),
      strict: t.exposeBoolean("strict"),
      imported: t.exposeBoolean("imported", { description: "Whether drafts were written." }),
      counts: t.field({ type: Counts, resolve: (job) => job.counts }),
      summary: t.field({ type: "JSON", description: "Columns that were used, rules that were applied, findings counted by kind, providers, suggestions.", resolve: (job) => job.summary }),
      text: t.string({ description: "The summary as people read it.", args: { language: t.arg({ type: Language, defaultValue: "zh" }) }, resolve: (job, { language }) => describeImport(job, language) }),
      createdAt: t.field({ type: "DateTime", resolve: (job) => job.createdAt }),
      createdBy: t.exposeID("createdBy"),
      organisation: t.field({ type: core.Organisation, nullable: true, description: "Of whoever ran it.", resolve: (job) => job.organisationId }),
      rows: t.connection({
        type: Row,
        description: "The report, in the file's order.",
        args: { outcome: t.arg({ type: Outcome, required: false }) },
        resolve: async (job, { outcome, ...page }, { actor }) => toConnection(await imports.rows(actor, job.id, filled({ outcome }), toPageRequest(page))),
      }),
    }),
  });

  const Field = builder.objectRef<MappingDescription["fields"][number]>("ImportMappingField").implement({ fields: (t) => ({ member: t.exposeString("target"), columns: t.stringList({ resolve: (field) => [...field.columns] }) }) });
  const MappingRef = builder.objectRef<MappingDescription>("ImportMapping").implement({
    description: "A vocabulary: which columns mean which member of an entry.",
    fields: (t) => ({ name: t.exposeString("name"), title: t.string({ resolve: (mapping) => mapping.title.en }), zh: t.string({ resolve: (mapping) => mapping.title.zh }), fields: t.field({ type: [Field], resolve: (mapping) => mapping.fields }) }),
  });

  builder.queryFields((t) => ({
    importJob: t.field({ type: Job, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => imports.get(actor, id) }),
    importJobs: t.connection({ type: Job, description: "Newest first: one's own, the department's for those who answer for it, all for the city.", resolve: async (_root, page, { actor }) => toConnection(await imports.list(actor, toPageRequest(page))) }),
    importMappings: t.field({ type: [MappingRef], description: "The vocabularies that are recognised.", resolve: () => imports.mappings() }),
  }));

  const Default = builder.inputType("ImportDefault", { fields: (t) => ({ member: t.string({ description: "Such as updateCycle." }), value: t.string({ description: "What a missing one is taken for." }) }) });
  const Input = builder.inputType("ImportEntriesInput", {
    fields: (t) => ({
      fileName: t.string(),
      content: t.string({ description: "The file, base64: CSV, XLSX, XLS or JSON, told by its bytes." }),
      mapping: t.string({ required: false, description: "Name of a vocabulary; absent: recognised from the columns." }),
      mappingYaml: t.string({ required: false, description: "One of your own; docs/import.md shows it." }),
      defaults: t.field({ type: [Default], required: false }),
      organisation: t.string({ required: false, description: "That all rows belong to: id, name, short name or social credit code." }),
      createOrganisations: t.boolean({ required: false, description: "Registers unknown providers; administrators of the city data office." }),
      dryRun: t.boolean({ required: false, description: "Everything but writing to the catalog." }),
      strict: t.boolean({ required: false, description: "Any rejected row, and nothing is imported." }),
    }),
  });

  builder.mutationFields((t) => ({
    importEntries: t.field({
      type: Job,
      errors: refusals,
      description: "Imports one file as drafts, all acceptable rows in one transaction.",
      args: { input: t.arg({ type: Input }) },
      resolve: (_root, { input }, { actor }) => {
        imports.assertMayImport(actor);
        const { fileName, content, mapping, mappingYaml, defaults, ...rest } = filled(input);
        if (mapping !== undefined && mappingYaml !== undefined) throw twoMappings();
        const chosen = mappingYaml === undefined ? mapping : parseMapping(mappingYaml, "mappingYaml");
        return imports.run(actor, {
          ...rest,
          file: { name: fileName, bytes: bytesOf(content) },
          ...(chosen === undefined ? {} : { mapping: chosen }),
          ...(defaults === undefined ? {} : { defaults: Object.fromEntries(defaults.map(({ member, value }) => [assertTarget(member), value])) }),
        });
      },
    }),
  }));
}

const twoMappings = () => new InputError("Give mapping or mappingYaml, not both", { zh: "mapping 与 mappingYaml 只能填一个", code: "mapping.two" });

function bytesOf(content: string): Buffer {
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(content.replaceAll(/\s/g, ""))) return Buffer.from(content, "base64");
  const issue: Issue = { path: "/input/content", code: "base64", message: "is not base64", zh: "不是 base64 编码" };
  throw new InputError("The file's content is not base64", { zh: "文件内容不是 base64 编码", code: "file.base64", issues: [issue] });
}
