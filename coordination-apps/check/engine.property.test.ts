import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCheckHarness, system, type CheckHarness } from "../testing/check-harness.ts";
import type { LandingRow } from "../testing/landing-feeds.ts";
import { oracleHits } from "../testing/oracle.ts";
import { applyToModel, cityChange, normalise, type CityChange } from "../testing/random-city.ts";
import { unemploymentCheck } from "../unemployment/definition.ts";

let city: CheckHarness;
const definition = unemploymentCheck.name;
beforeAll(async () => {
  city = await createCheckHarness("2026-06-15T02:00:00Z");
  await city.feeds.create();
  await city.attach();
});
afterAll(() => city.end());

const standing = async () => (await city.hits()).filter((line) => !line.endsWith(" withdrawn"));
const batch = () => city.apps.check.runBatch(system, { definition, month: "202606" });

async function bring(model: Record<string, LandingRow[]>, change: CityChange): Promise<void> {
  const one = normalise(change);
  if (one.kind === "refresh") await city.feeds.refresh(one.role, one.rows);
  else await city.feeds.apply(one.role, one.rows, one.deletes);
  applyToModel(model, one);
}

test("the monthly comparison of any city finds exactly what the law's plain reading finds", { timeout: 180_000 }, async () => {
  let total = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(cityChange, { minLength: 10, maxLength: 24 }), async (changes) => {
      await city.feeds.clear();
      await city.forget();
      const model: Record<string, LandingRow[]> = {};
      for (const change of changes) await bring(model, change);
      const run = await batch();
      const expected = oracleHits(model, "202606");
      total += expected.length;
      expect(await standing()).toEqual(expected);
      expect(run.hitsFound).toBe(expected.length);
      expect(run.claimsWithHits).toBe(new Set(expected.map((line) => line.split(" ")[0])).size);
      expect(run.casesOpened).toBe(run.claimsWithHits);
    }),
    { numRuns: 20, endOnFailure: true },
  );
  // The cities are not empty ones.
  expect(total).toBeGreaterThan(20);
});

test("comparing as changes arrive ends in the same hits as comparing everything, and a comparison repeated changes nothing", { timeout: 180_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ change: cityChange, compareAfter: fc.boolean() }), { minLength: 6, maxLength: 20 }), async (steps) => {
      await city.feeds.clear();
      await city.forget();
      await batch();
      const model: Record<string, LandingRow[]> = {};
      for (const { change, compareAfter } of steps) {
        await bring(model, change);
        if (compareAfter) {
          await city.apps.check.compareChanges(system, definition);
          expect(await standing()).toEqual(oracleHitsOrOutOfMonth(model, await standing()));
        }
      }
      await city.apps.check.compareChanges(system, definition);
      const continuous = await city.hits();
      expect(await city.apps.check.compareChanges(system, definition)).toBeUndefined();
      const again = await batch();
      expect(again.rules.map(({ ruleId, added, revised, withdrawn }) => ({ ruleId, added, revised, withdrawn })).filter((rule) => rule.added + rule.revised + rule.withdrawn > 0)).toEqual([]);
      expect(again.casesOpened).toBe(0);
      expect(await city.hits()).toEqual(continuous);
      // From nothing, the monthly comparison finds what the continuous one has standing.
      const found = await standing();
      await city.forget();
      await batch();
      const fresh = await standing();
      expect(found.filter((line) => fresh.includes(line))).toEqual(fresh);
      expect(fresh).toEqual(oracleHits(model, "202606"));
    }),
    { numRuns: 12, endOnFailure: true },
  );
});

/**
 * A hit of a claim that has left the month (its dates changed) stands as long as its evidence does: it was found and an
 * officer has it. Such lines are taken over from what stands; all others must be the oracle's.
 */
function oracleHitsOrOutOfMonth(model: Record<string, LandingRow[]>, stands: readonly string[]): string[] {
  const expected = oracleHits(model, "202606");
  const inMonth = new Set(claimsInMonth(model));
  return [...new Set([...expected, ...stands.filter((line) => !inMonth.has(line.split(" ")[0]!))])].sort();
}

function claimsInMonth(model: Record<string, LandingRow[]>): string[] {
  return (model["claims"] ?? [])
    .filter((claim) => typeof claim.benefit_from === "string" && claim.benefit_from <= "2026-06-30" && (claim.benefit_until === null || String(claim.benefit_until) >= "2026-06-01" || claim.claim_month === "202606"))
    .map((claim) => String(claim.claim_no));
}
