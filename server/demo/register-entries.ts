import type { Actor } from "#platform";
import type { Catalog, Entry } from "#catalog";
import type { CatalogEntry } from "#standards";
import type { SampleDepartment, SampleEntry } from "../sample-city/city-definition.ts";
import type { Cast } from "./cast.ts";
import type { Step } from "./account.ts";

export interface RegisteredEntry {
  sample: SampleEntry;
  entry: Entry;
}

/** Entries by `department.table`, each written, submitted, approved by its department and published by the city. */
export type Registered = Map<string, RegisteredEntry>;

interface Registration {
  organisationId: string;
  cataloguer: Actor;
  approver: Actor;
  contents: readonly CatalogEntry[];
}

async function allEntries(catalog: Catalog, actor: Actor, organisationId: string): Promise<Entry[]> {
  const found: Entry[] = [];
  for (let after: string | undefined; ; ) {
    const page = await catalog.entries.list(actor, { organisationId }, { first: 200, ...(after === undefined ? {} : { after }) });
    found.push(...page.rows);
    if (!page.hasNextPage) return found;
    after = page.cursors.at(-1);
  }
}

/**
 * Brings every content to `published`, from wherever an earlier run left it: what is missing is drafted, drafts are
 * submitted, what waits is approved. Nobody approves their own.
 */
export async function registerContents(catalog: Catalog, cast: Cast, { organisationId, cataloguer, approver, contents }: Registration): Promise<Map<string, Entry>> {
  const titles = new Set(contents.map((content) => content.title));
  const list = async () => (await allEntries(catalog, cataloguer, organisationId)).filter((entry) => titles.has(entry.content.title));
  let entries = await list();
  const present = new Set(entries.map((entry) => entry.content.title));
  const missing = contents.filter((content) => !present.has(content.title));
  if (missing.length > 0) {
    const saved = await catalog.kernel.database.withTransaction((tx) => catalog.entries.saveDrafts(tx, cataloguer, missing.map((content) => ({ organisationId, content }))));
    saved.forEach((outcome, index) => {
      if (outcome.outcome === "refused") throw new Error(`Sample entry ${missing[index]!.title} was refused: ${outcome.issues.map((issue) => `${issue.path} ${issue.message}`).join("; ")}`);
    });
    entries = await list();
  }
  const inState = (state: Entry["state"]) => entries.filter((entry) => entry.state === state).map((entry) => entry.id);
  const steps: [Entry["state"], (ids: string[]) => Promise<unknown>][] = [
    ["draft", async (ids) => assertAllDone(await catalog.entries.submitMany(cataloguer, ids))],
    ["department-review", async (ids) => assertAllDone(await catalog.entries.approveMany(approver, ids))],
    ["city-review", async (ids) => assertAllDone(await catalog.entries.approveMany(cast.office.reviewer, ids))],
  ];
  for (const [state, move] of steps) {
    const ids = inState(state);
    if (ids.length === 0) continue;
    await move(ids);
    entries = await list();
  }
  return new Map(entries.map((entry) => [entry.content.title, entry]));
}

function assertAllDone(outcomes: Awaited<ReturnType<Catalog["entries"]["submitMany"]>>): void {
  for (const outcome of outcomes) if (!outcome.done) throw new Error(`Sample entry ${outcome.entryId} was refused: ${outcome.refusal.message} ${outcome.refusal.issues.map((issue) => `${issue.path} ${issue.message}`).join("; ")}`);
}

export async function registerEntries({ catalog, cast, departments, step }: { catalog: Catalog; cast: Cast; departments: readonly SampleDepartment[]; step: Step }): Promise<Registered> {
  const registered: Registered = new Map();
  const total = departments.reduce((sum, department) => sum + department.entries.length, 0);
  for (const department of departments) {
    const people = cast.departments.get(department.key)!;
    const entries = await registerContents(catalog, cast, { organisationId: people.organisation.id, cataloguer: people.cataloguer, approver: people.approver, contents: department.entries.map((sample) => sample.content) });
    for (const sample of department.entries) registered.set(`${department.key}.${sample.table}`, { sample, entry: entries.get(sample.content.title)! });
    step.progress(registered.size, total, department.name);
  }
  return registered;
}
