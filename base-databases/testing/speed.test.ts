import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createProcessor } from "../record-store/process.ts";
import { populationDefinition } from "../population/definition.ts";
import { createCity, type CityFixture } from "./city.ts";
import { fillLargeCity } from "./large-city.ts";

const people = Number(process.env.ZHENGTONG_SPEED_PEOPLE ?? 60_000);
const workers = Number(process.env.ZHENGTONG_SPEED_WORKERS ?? 2);

/** Seconds of processor time that the database's backends have used: comparable although others use the machine. */
async function cpu(city: CityFixture): Promise<number> {
  const { rows } = await city.db.database.read((reader) => reader.query<{ pid: number }>("select pid from pg_stat_activity where datname = current_database()"));
  return rows.reduce((sum, { pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

test.skipIf(process.env.ZHENGTONG_SPEED === undefined)("fifteen sources of 60,000 people each become golden records within seconds", { timeout: 1_200_000 }, async () => {
  const city = await createCity();
  const sources = await fillLargeCity(city, people);
  const processor = createProcessor({ kernel: city.kernel, definitions: [populationDefinition], workers });
  const seconds = (from: number) => Math.round((performance.now() - from) / 100) / 10;
  const start = performance.now();
  const cpuStart = await cpu(city);
  const phases: Record<string, number> = {};
  let last = start;
  const result = await processor.process(({ phase }) => {
    phases[phase] = (phases[phase] ?? 0) + performance.now() - last;
    last = performance.now();
  });
  process.stdout.write(`${people} people x ${sources} sources: ${seconds(start)} s elapsed, ${Math.round((await cpu(city)) - cpuStart)} s of database processor time ${JSON.stringify(Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, Math.round(ms)])))} ${JSON.stringify(result)} peak RSS ${Math.round(process.resourceUsage().maxRSS / 1024)} MB\n`);
  expect(result.created).toBe(people);
  await city.drop();
});
