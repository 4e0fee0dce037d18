import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCitizenNumber } from "#standards";
import { populationDefinition } from "../population/definition.ts";
import { createCity, type CityFixture, type LandingFixture } from "../testing/city.ts";
import { createProcessor } from "./process.ts";
import { sourceDefinition, upsertSource } from "./sources.ts";

/** Few people, few values, so that sources agree, contradict, withdraw and move rows between people all the time. */
const people = [1, 2, 3].map((sequence) => makeCitizenNumber({ areaCode: "330106", birthDate: "1878-05-06", sequence }));
const wrong = people.map((number) => `${number.slice(0, 15)}${number.slice(15, 17).split("").reverse().join("")}${number.slice(17)}`);
const keys = [...people, wrong[2]!, people[0]!.toLowerCase(), ""];
const names = ["王五", "王伍", "赵六", " 王 五 "];
const addresses = ["杭州市西湖区1号", "西湖区1号", "杭州市上城区2号", "-"];

interface Change {
  source: number;
  row: number;
  /** Undefined: the row is deleted. */
  values?: { key: string; name: string; address: string; day: number };
}

const sources = [
  { role: "gongan.household", table: "household", columns: "citizen_number text, name text, sex_code text, birth_date date, address text, updated_at timestamp", key: "citizen_number", rowOf: (change: Change) => ({ name: change.values!.name, address: change.values!.address, sex_code: "1", birth_date: "1878-05-06", updated_at: `2008-01-0${change.values!.day}` }) },
  { role: "jiaoyu.student", table: "student", columns: "student_no text, citizen_number text, name text, school text, enrolled_on date, address text, phone text", key: "student_no", rowOf: (change: Change) => ({ citizen_number: change.values!.key, name: change.values!.name, address: change.values!.address, school: `学校${change.values!.day}`, enrolled_on: `2008-01-0${change.values!.day}` }) },
  { role: "weisheng.health_record", table: "health", columns: "citizen_number text, name text, blood_type text, address text, phone text", key: "citizen_number", rowOf: (change: Change) => ({ name: change.values!.name, address: change.values!.address, blood_type: ["A", "B"][change.values!.day % 2] }) },
  { role: "gongjijin.housing_fund", table: "fund", columns: "account_no text, citizen_number text, name text, employer_code text, monthly_amount numeric(10,2), last_month text, address text", key: "account_no", rowOf: (change: Change) => ({ citizen_number: change.values!.key, name: change.values!.name, address: change.values!.address, monthly_amount: change.values!.day * 100, last_month: `20080${change.values!.day}` }) },
] as const;

const changeOf = fc.record({ source: fc.nat(sources.length - 1), row: fc.nat(3), values: fc.option(fc.record({ key: fc.constantFrom(...keys), name: fc.constantFrom(...names), address: fc.constantFrom(...addresses), day: fc.integer({ min: 1, max: 3 }) }), { nil: undefined, freq: 4 }) }) as fc.Arbitrary<Change>;

let city: CityFixture;
let landings: LandingFixture[];
let processor: ReturnType<typeof createProcessor>;
beforeAll(async () => {
  city = await createCity();
});
afterAll(() => city.drop());

let run = 0;
/** An empty city with the sources attached, new feeds and new tables. */
async function begin(): Promise<void> {
  run += 1;
  await city.db.database.withTransaction((tx) => tx.query("truncate base.source, base.link, base.touched, base.rematch, base.population_golden, base.golden_removed, base.provenance, base.contradiction, base.contradiction_transition, base.unmatched_row, base.match_candidate, base.match_decision"));
  landings = [];
  for (const source of sources) {
    const landing = await city.land(`${source.table}_${run}`, source.columns, [source.key]);
    landings.push(landing);
    await city.db.database.withTransaction((tx) => upsertSource(tx, sourceDefinition(populationDefinition, source.role)!, { base: "population", role: source.role, feedId: landing.feedId, schema: landing.schema, table: landing.table, organisationId: "org_1", grantId: "grant_1", entryId: "entry_1" }, city.clock.now()));
  }
  processor = createProcessor({ kernel: city.kernel, definitions: [populationDefinition], chunks: { readRows: 2, mergeKeys: 2, matchRows: 2 } });
}

async function apply(change: Change): Promise<void> {
  const source = sources[change.source]!;
  const direct = source.key === "citizen_number";
  const key = direct ? [...people, wrong[2]!][change.row]! : `row${change.row}`;
  if (change.values) await landings[change.source]!.apply([{ [source.key]: key, ...source.rowOf(change) }]);
  else await landings[change.source]!.apply([], [{ [source.key]: key }]);
}

/** Everything but numbers and times of our own. */
async function outcome(): Promise<unknown> {
  return city.db.database.read(async (reader) => {
    const rows = async (sql: string) => (await reader.query(sql)).rows;
    const columns = populationDefinition.attributes.map((attribute) => `"${attribute.name}"`).join(", ");
    return {
      golden: await rows(`select citizen_number, ${columns} from base.population_golden order by 1`),
      provenance: await rows("select key, source_ids, source_rows, source_times::text, winners, rivals, faults from base.provenance order by key"),
      contradictions: await rows("select key, field, source_id, value, rule, reference_value, row_key from base.contradiction where state = 'open' order by 1, 2, 3, 4"),
      unmatched: await rows("select source_id, row_key, raw_key, reason, state from base.unmatched_row order by 1, 2"),
      links: await rows("select source_id, row_key, entity_key, by_key from base.link order by 1, 2"),
      candidates: await rows("select source_id, row_key, key, score, explanation from base.match_candidate order by 1, 2, 3"),
    };
  });
}

test("the order in which sources' changes arrive, and how often they are processed in between, makes no difference", { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(changeOf, { minLength: 3, maxLength: 14 }).chain((changes) => fc.record({ changes: fc.constant(changes), order: fc.array(fc.nat(sources.length - 1), { minLength: changes.length, maxLength: changes.length }), pauses: fc.array(fc.boolean(), { minLength: changes.length, maxLength: changes.length }), refreshed: fc.boolean() })),
      async ({ changes, order, pauses, refreshed }) => {
        await begin();
        for (const change of changes) await apply(change);
        await processor.process();
        const expected = await outcome();

        await begin();
        // Each source's own order stays; between sources another one.
        const waiting = sources.map((_, source) => changes.filter((change) => change.source === source));
        for (const [step, wish] of order.entries()) {
          const next = waiting[wish]!.length > 0 ? wish : waiting.findIndex((list) => list.length > 0);
          await apply(waiting[next]!.shift()!);
          if (pauses[step]) await processor.process();
        }
        if (refreshed) {
          await processor.process();
          const { rows } = await city.db.database.read((reader) => reader.query<{ row: Record<string, unknown> }>(`select to_jsonb(l) - 'zt_sequence' as row from landing.${landings[1]!.table} l`));
          await landings[1]!.refresh(rows.map(({ row }) => row));
        }
        await processor.process();
        expect(await outcome()).toEqual(expected);

        // Once more, and again after touching everything: nothing moves.
        await city.db.database.withTransaction((tx) => tx.query("insert into base.touched select base, key from base.provenance"));
        expect(await processor.process()).toMatchObject({ created: 0, changed: 0, removed: 0, contradictionsRaised: 0, contradictionsClosed: 0 });
        expect(await outcome()).toEqual(expected);
      },
    ),
    { numRuns: Number(process.env.ZHENGTONG_RUNS ?? 6), endOnFailure: process.env.ZHENGTONG_SHRINK === undefined, ...(process.env.ZHENGTONG_SEED === undefined ? {} : { seed: Number(process.env.ZHENGTONG_SEED) }) },
  );
});
