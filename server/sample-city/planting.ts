import type { Chance } from "./random.ts";
import type { createPeople, Person } from "./people.ts";
import { addDays, firstOfMonth, monthOf, yyyymm } from "./calendar-months.ts";

/**
 * What is hidden in the sources for the unemployment check to find. For each planted claim, rows in the departments'
 * own tables are evidence of one ground; near misses are planted too, which must not be found. The list of what was
 * planted is kept beside the databases and is compared with the findings afterwards: nothing of it reaches the check.
 */
export type PlantedGround = "employment" | "contribution" | "enterprise" | "self-employed" | "enlistment" | "emigration" | "pension" | "refusal" | "imprisonment" | "death" | "term-over" | "duplicate";

export interface PlantedHit {
  claimNo: string;
  ground: PlantedGround;
  /** What an officer finds on inspection: false when there is an innocent explanation. */
  true: boolean;
  explanation: string;
}

export interface Claim {
  index: number;
  claimNo: string;
  person: Person;
  benefitFrom: string;
  benefitUntil: string;
  contributionMonths: number;
  monthsPaid: number;
  monthlyAmount: number;
  unemployedOn: string;
  planted?: PlantedHit;
  nearMiss?: "contribution-before" | "employment-ended" | "enterprise-cancelled" | "self-employed-cancelled" | "refusal-justified" | "released-before" | "discharged-before" | "pension-stopped";
}

export interface PlantPlan {
  claims: number;
  hits: number;
  trueHits: number;
}

/** The pilot's seed plants the pilot's figures: of 11,000 claims 574 hit, 289 of them true on inspection. */
export const pilotSeed = 2008;

export function planFor(seed: number, people: number, chance: Chance): PlantPlan {
  const claims = Math.min(11_000, Math.floor(people * 0.2));
  const scale = claims / 11_000;
  if (seed === pilotSeed) return { claims, hits: Math.round(574 * scale), trueHits: Math.round(289 * scale) };
  const hits = Math.round((300 + chance.below("plan.hits", 0, 600)) * scale);
  return { claims, hits, trueHits: Math.round(hits * (0.35 + chance.unit("plan.true", 0) * 0.35)) };
}

const grounds: readonly { ground: PlantedGround; weight: number; innocent: string }[] = [
  { ground: "employment", weight: 24, innocent: "就业登记系同名单位误录,本人未到岗" },
  { ground: "contribution", weight: 28, innocent: "单位补缴以前月份,缴费月份录入有误" },
  { ground: "enterprise", weight: 7, innocent: "企业已停业,本人未取得收入" },
  { ground: "self-employed", weight: 9, innocent: "个体户由亲属经营,已停业" },
  { ground: "enlistment", weight: 2, innocent: "体检未合格,已退回" },
  { ground: "emigration", weight: 2, innocent: "短期探亲,误登记为定居" },
  { ground: "pension", weight: 8, innocent: "为遗属待遇,误登记为养老待遇" },
  { ground: "refusal", weight: 6, innocent: "介绍工作期间本人住院" },
  { ground: "imprisonment", weight: 3, innocent: "身份被冒用" },
  { ground: "death", weight: 6, innocent: "同号误注销,本人健在" },
  { ground: "term-over", weight: 3, innocent: "缴费年限漏计,应按较长期限" },
  { ground: "duplicate", weight: 2, innocent: "一笔为更正前的旧记录" },
];

const nearMisses = ["contribution-before", "employment-ended", "enterprise-cancelled", "self-employed-cancelled", "refusal-justified", "released-before", "discharged-before", "pension-stopped"] as const;

/** Months allowed by 失业保险条例 art. 17: 12, 18 or 24 by months of contribution. */
const allowedMonths = (contributionMonths: number) => (contributionMonths < 60 ? 12 : contributionMonths < 120 ? 18 : 24);

/** The claims paid in the month before `asOf`, with what is planted in them. Claim i belongs to person i but for duplicates. */
export function createClaims({ chance, people, plan, asOf }: { chance: Chance; people: ReturnType<typeof createPeople>; plan: PlantPlan; asOf: string }): Claim[] {
  const paidMonth = monthOf(asOf) - 1;
  const planted = plantedGrounds(chance, plan);
  const claims: Claim[] = [];
  for (let index = 0; index < plan.claims; index += 1) {
    const ground = planted[index];
    // The second claim of a duplicate pair belongs to the person before.
    const isSecond = ground?.ground === "duplicate" && claims[index - 1]?.planted?.ground === "duplicate" && claims[index - 1]!.person.index === index - 1;
    const person = people.personAt(isSecond ? index - 1 : index);
    const contributionMonths = 12 + chance.below("claim.contribution", index, 200);
    const allowed = allowedMonths(contributionMonths);
    const paidNormally = 3 + chance.below("claim.paid", index, allowed - 2);
    const monthsPaid = ground?.ground === "term-over" ? allowed + 1 + chance.below("claim.over", index, 3) : Math.min(paidNormally, allowed);
    const fromMonth = paidMonth - monthsPaid + 1;
    const benefitFrom = firstOfMonth(fromMonth);
    const claimNo = `SY${yyyymm(paidMonth)}${String(index + 1).padStart(6, "0")}`;
    const claim: Claim = {
      index,
      claimNo,
      person,
      benefitFrom,
      benefitUntil: addDays(firstOfMonth(fromMonth + allowed), -1),
      contributionMonths,
      monthsPaid,
      monthlyAmount: 1_000 + chance.below("claim.amount", index, 30) * 10,
      unemployedOn: addDays(benefitFrom, -(31 + chance.below("claim.unemployed", index, 30))),
    };
    if (ground) claim.planted = { claimNo, ...ground };
    else if (chance.unit("claim.near", index) < 0.05) claim.nearMiss = chance.pick("claim.nearKind", index, nearMisses);
    claims.push(claim);
  }
  return claims;
}

/** Which claims are planted: scattered over all, exactly `plan.hits`, exactly `plan.trueHits` of them true. */
function plantedGrounds(chance: Chance, plan: PlantPlan): Record<number, { ground: PlantedGround; true: boolean; explanation: string }> {
  const result: Record<number, { ground: PlantedGround; true: boolean; explanation: string }> = {};
  const total = grounds.reduce((sum, entry) => sum + entry.weight, 0);
  const stride = plan.hits === 0 ? 1 : plan.claims / plan.hits;
  let placed = 0;
  for (let number = 0; placed < plan.hits; number += 1) {
    const at = Math.floor(placed * stride);
    let rest = chance.unit("plant.ground", number) * total;
    let chosen = grounds.find((entry) => (rest -= entry.weight) < 0)!;
    // A duplicate needs two neighbouring claims.
    if (chosen.ground === "duplicate" && (placed + 2 > plan.hits || stride < 2)) chosen = grounds[0]!;
    const count = chosen.ground === "duplicate" ? 2 : 1;
    for (let offset = 0; offset < count; offset += 1) {
      result[at + offset] = { ground: chosen.ground, true: false, explanation: chosen.innocent };
      placed += 1;
    }
  }
  const keys = Object.keys(result).map(Number);
  const order = keys.map((key) => ({ key, rank: chance.unit("plant.true", key) })).sort((a, b) => a.rank - b.rank);
  for (const { key } of order.slice(0, plan.trueHits)) result[key] = { ...result[key]!, true: true, explanation: "经核实,情况属实" };
  return result;
}
