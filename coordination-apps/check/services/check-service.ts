import { describeError, InputError, NotFoundError, quoteIdentifier, type Actor, type Kernel, type Transaction } from "#platform";
import type { CheckApp } from "../../case/model/app.ts";
import type { WorkingDayCalendar } from "../../case/model/deadline.ts";
import { openCases } from "../../case/services/open-cases.ts";
import { subjectTable } from "../compile/rule-to-sql.ts";
import { rolesOf, type CheckDefinition } from "../model/definition.ts";
import { currentMonth, periodOf } from "../model/period.ts";
import { registerDefinition } from "../repositories/definitions.ts";
import { deleteInput, deletePositions, listInputs, listPositions, setPositions, setPrepared, upsertInput, type CheckInput } from "../repositories/inputs.ts";
import { prepareTable } from "../repositories/landing.ts";
import { hasBatch, insertRun, listRuns, type CheckRun, type RunInput } from "../repositories/runs.ts";
import { compare, lockDefinition, readInputStates, requireClaims, type CompareProgress, type ComparisonOutcome, type InputState } from "./comparison.ts";

export interface AttachInput {
  definition: string;
  role: string;
  feedId: string;
  /** Of the landing table. */
  schema: string;
  table: string;
  /** The department whose rows they are. */
  organisationId: string;
  grantId: string;
}

export interface RunBatchInput {
  definition: string;
  /** `YYYYMM`. */
  month: string;
  onProgress?: (progress: CompareProgress) => void;
}

export interface CheckService {
  /** Lets a landing table play a role; attaching again replaces it. */
  attachInput(actor: Actor, input: AttachInput): Promise<void>;
  /** Its rules do not run any more; hits already found stay. */
  detachInput(actor: Actor, input: { definition: string; role: string }): Promise<void>;
  listInputs(actor: Actor, definition: string): Promise<CheckInput[]>;
  /** Compares every claim of a month with all evidence attached; hits open cases. Running it again changes nothing. */
  runBatch(actor: Actor, input: RunBatchInput): Promise<CheckRun>;
  listRuns(actor: Actor, definition: string, limit: number): Promise<CheckRun[]>;
  /**
   * One turn of the continuous comparison, for the current month: only what changed since the last turn. Begins once a
   * first monthly comparison has run. Answers undefined when nothing changed.
   */
  compareChanges(actor: Actor, definition: string): Promise<CheckRun | undefined>;
}

export interface CreateCheckServiceOptions {
  kernel: Kernel;
  calendar: WorkingDayCalendar;
  apps: ReadonlyMap<string, CheckApp>;
}

/** The department that pays the benefit is the one whose claims are attached. */
export function benefitOrganisationOf(definition: CheckDefinition, inputs: readonly CheckInput[]): string | undefined {
  return inputs.find((input) => input.role === definition.subject.role)?.organisationId;
}

export function createCheckService({ kernel, calendar, apps }: CreateCheckServiceOptions): CheckService {
  const { database, clock, access, audit, eventLog, newId, log } = kernel;

  function definitionOf(name: string): CheckDefinition {
    const app = apps.get(name);
    if (!app) throw new NotFoundError(`No check is called ${name}`, { zh: `没有名为 ${name} 的协查方案`, code: "check.not-found" });
    return app.definition;
  }

  async function assertAccess(actor: Actor, action: "see" | "run" | "attach", definition: CheckDefinition): Promise<void> {
    access.assertAnyScope(actor, "check", action);
    const inputs = await database.read((reader) => listInputs(reader, definition.name));
    access.assert(actor, "check", action, { id: definition.name, organisationId: benefitOrganisationOf(definition, inputs) ?? "" } as { id: string });
  }

  /** In a transaction of its own, before the comparison: building an index makes the subscriber wait. */
  async function prepare(definition: CheckDefinition): Promise<void> {
    const states = await database.read((reader) => readInputStates(reader, definition));
    for (const { role, input, table } of states.values()) {
      if (!input || !table || input.preparedOid === table.oid) continue;
      const matchField = role === definition.subject.role ? definition.subject.matchField : definition.evidence.find((candidate) => candidate.role === role)!.matchField;
      if (!table.columns.has(matchField)) continue;
      try {
        await database.withTransaction((tx) => prepareTable(tx, table, matchField));
      } catch (error) {
        // The comparison is right without it, only slower: a table of another owner may not be indexed by us.
        if ((error as { code?: string }).code !== "42501") throw error;
        log.warn({ definition: definition.name, role, error: describeError(error) }, "landing table may not be indexed by the check; comparisons will read it whole");
      }
      await database.withTransaction((tx) => setPrepared(tx, definition.name, role, table.oid));
    }
  }

  /** Everything up to what the inputs had when the comparison began has now been compared for this month. */
  async function movePositions(tx: Transaction, definition: CheckDefinition, states: ReadonlyMap<string, InputState>, period: string): Promise<void> {
    const all = [...states.values()];
    await deletePositions(tx, definition.name, all.filter((state) => !state.table).map((state) => state.role));
    await setPositions(tx, definition.name, all.flatMap(({ role, table }) => (table ? [{ role, definitionVersion: definition.version, feedId: table.feedId, generation: table.generation, sequence: table.appliedSequence, period }] : [])));
  }

  interface RecordOptions {
    actor: Actor;
    definition: CheckDefinition;
    month: string;
    kind: CheckRun["kind"];
    startedAt: Date;
    states: ReadonlyMap<string, InputState>;
    outcome: ComparisonOutcome;
  }

  /** Cases, run, events and audit of one comparison, in its transaction. */
  async function record(tx: Transaction, options: RecordOptions): Promise<CheckRun> {
    const { actor, definition, month, kind, states, outcome } = options;
    const period = periodOf(month);
    const organisationId = states.get(definition.subject.role)!.input!.organisationId;
    const at = clock.now();
    const cases = await openCases(tx, { kernel, calendar, definition, period, organisationId, actor, at, withdrawn: outcome.withdrawn });
    const sum = (member: "found" | "added" | "revised" | "withdrawn") => outcome.rules.reduce((total, rule) => total + rule[member], 0);
    const { rows } = await tx.query<{ count: number }>(
      `select count(distinct claim_key) as count from apps.check_hit where definition = $1 and definition_version = $2 and withdrawn_at is null
         and claim_key in (select ${quoteIdentifier(definition.subject.keyField)} from ${subjectTable} where zt_in_period)`,
      [definition.name, definition.version],
    );
    const run: CheckRun = {
      id: newId("run"),
      definition: definition.name,
      definitionVersion: definition.version,
      period: month,
      kind,
      startedAt: options.startedAt,
      finishedAt: at,
      actorId: actor.id,
      compared: outcome.compared,
      claimsWithHits: rows[0]!.count,
      hitsFound: sum("found"),
      hitsWithdrawn: sum("withdrawn"),
      casesOpened: cases.opened,
      rules: outcome.rules,
      inputs: [...states.values()].map(toRunInput),
    };
    await insertRun(tx, run);
    const detail = { runId: run.id, definition: definition.name, version: definition.version, period: month, compared: run.compared, added: sum("added"), revised: sum("revised"), withdrawn: run.hitsWithdrawn, casesOpened: run.casesOpened, rulesNotRun: outcome.rules.filter((rule) => !rule.ran).map((rule) => rule.ruleId) };
    await eventLog.append(tx, actor, [...cases.events, { subjectType: "check", subjectId: definition.name, kind: "check.ran", organisationId, payload: detail }]);
    await audit.record(tx, actor, { action: `check.${kind}`, objectType: "check", objectId: definition.name, detail });
    return run;
  }

  return {
    async attachInput(actor, input) {
      const definition = definitionOf(input.definition);
      if (!rolesOf(definition).includes(input.role)) throw new InputError(`${definition.name} has no role ${input.role}; its roles are ${rolesOf(definition).join(", ")}`, { zh: `协查方案没有角色 ${input.role}`, code: "check.role-unknown" });
      await assertAccess(actor, "attach", definition);
      await database.withTransaction(async (tx) => {
        const at = clock.now();
        await registerDefinition(tx, definition, at);
        await upsertInput(tx, { definition: input.definition, role: input.role, feedId: input.feedId, grantId: input.grantId, organisationId: input.organisationId, schema: input.schema, table: input.table, attachedBy: actor.id, attachedAt: at });
        await eventLog.append(tx, actor, [{ subjectType: "check", subjectId: definition.name, kind: "check.input-attached", organisationId: input.organisationId, payload: { definition: definition.name, role: input.role, feedId: input.feedId, grantId: input.grantId } }]);
        await audit.record(tx, actor, { action: "check.attach-input", objectType: "check", objectId: definition.name, detail: { role: input.role, feedId: input.feedId, grantId: input.grantId, table: `${input.schema}.${input.table}` } });
      });
    },

    async detachInput(actor, { definition: name, role }) {
      const definition = definitionOf(name);
      await assertAccess(actor, "attach", definition);
      await database.withTransaction(async (tx) => {
        if (!(await deleteInput(tx, name, role))) throw new NotFoundError(`Nothing is attached to ${role} of ${name}`, { zh: `角色 ${role} 未挂接数据流`, code: "check.input-not-found" });
        await eventLog.append(tx, actor, [{ subjectType: "check", subjectId: name, kind: "check.input-detached", payload: { definition: name, role } }]);
        await audit.record(tx, actor, { action: "check.detach-input", objectType: "check", objectId: name, detail: { role } });
      });
    },

    async listInputs(actor, name) {
      const definition = definitionOf(name);
      await assertAccess(actor, "see", definition);
      return database.read((reader) => listInputs(reader, name));
    },

    async runBatch(actor, { definition: name, month, onProgress }) {
      const definition = definitionOf(name);
      await assertAccess(actor, "run", definition);
      const period = periodOf(month);
      const startedAt = clock.now();
      await prepare(definition);
      return database.withTransaction(async (tx) => {
        await lockDefinition(tx, definition);
        await registerDefinition(tx, definition, startedAt);
        const states = await readInputStates(tx, definition);
        requireClaims(definition, states);
        const outcome = await compare(tx, { definition, period, states, rules: definition.rules, at: startedAt, foundBy: "batch", ...(onProgress ? { onProgress } : {}) });
        // A rerun of an older month says nothing about the claims of this one: the positions stay.
        if (month === currentMonth(startedAt)) await movePositions(tx, definition, states, month);
        return record(tx, { actor, definition, month, kind: "batch", startedAt, states, outcome });
      });
    },

    async listRuns(actor, name, limit) {
      const definition = definitionOf(name);
      await assertAccess(actor, "see", definition);
      return database.read((reader) => listRuns(reader, name, Math.min(limit, 200)));
    },

    async compareChanges(actor, name) {
      const definition = definitionOf(name);
      await assertAccess(actor, "run", definition);
      const startedAt = clock.now();
      const month = currentMonth(startedAt);
      await prepare(definition);
      return database.withTransaction(async (tx) => {
        await lockDefinition(tx, definition);
        const states = await readInputStates(tx, definition);
        // The first comparison is one that somebody starts for a month: inputs arrive one by one, and what a half-attached
        // check finds would stand in the wrong month.
        if (!states.get(definition.subject.role)!.table || !(await hasBatch(tx, definition.name))) return undefined;
        const positions = await listPositions(tx, definition.name);
        const since = new Map<string, number>();
        let everything = false;
        for (const { role, table } of states.values()) {
          if (!table || !table.columns.has("zt_sequence")) continue;
          const at = positions.get(role);
          if (!at || at.feedId !== table.feedId || at.generation !== table.generation || at.period !== month || at.definitionVersion !== definition.version) everything = true;
          else if (table.appliedSequence > at.sequence) since.set(role, at.sequence);
        }
        if (!everything && since.size === 0) return undefined;
        await registerDefinition(tx, definition, startedAt);
        const rules = everything || since.has(definition.subject.role) ? definition.rules : definition.rules.filter((rule) => since.has(rule.role));
        const outcome = await compare(tx, { definition, period: periodOf(month), states, rules, at: startedAt, foundBy: "continuous", ...(everything ? {} : { since }) });
        await movePositions(tx, definition, states, month);
        const changed = outcome.rules.some((rule) => rule.added > 0 || rule.revised > 0 || rule.withdrawn > 0);
        return everything || changed ? record(tx, { actor, definition, month, kind: "continuous", startedAt, states, outcome }) : undefined;
      });
    },
  };
}

function toRunInput(state: InputState): RunInput {
  const { role, input, table, unavailable } = state;
  return {
    role,
    attached: input !== undefined,
    ...(input ? { feedId: input.feedId, grantId: input.grantId, organisationId: input.organisationId } : {}),
    ...(table ? { generation: table.generation, appliedSequence: table.appliedSequence, updatedAt: table.updatedAt.toISOString() } : {}),
    ...(unavailable ? { unavailable } : {}),
  };
}
