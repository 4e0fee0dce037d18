import type { Chance } from "./random.ts";
import { createFirms, createPeople, firmKinds, type Firm, type Person } from "./people.ts";
import { createClaims, planFor, type Claim, type PlantedHit } from "./planting.ts";
import { addDays, firstOfMonth, monthOf, yyyymm } from "./calendar-months.ts";
import { createChance } from "./random.ts";

/**
 * The rows of the departments' own tables that the bases and the check live on: a generator per table, in the column
 * order of its entry's items. Streams of any length; what is remembered is the claims only.
 */
export type Cell = string | number | boolean | null;
export type RowSource = () => Generator<Cell[]>;

export interface SampleRowsOptions {
  seed: number;
  people: number;
  /** The day on which the city stands, ISO. */
  asOf: string;
}

export interface SampleRows {
  claims: Claim[];
  planted: PlantedHit[];
  /** Contradictions that were written on purpose: name in the health record, capital in the national tax register. */
  contradictions: { names: number; capitals: number };
  tables: Record<string, RowSource>;
}

export function createSampleRows(options: SampleRowsOptions): SampleRows {
  const chance = createChance(options.seed);
  const people = createPeople(chance);
  const plan = planFor(options.seed, options.people, chance);
  const claims = createClaims({ chance, people, plan, asOf: options.asOf });
  const population = options.people;
  const paidMonth = monthOf(options.asOf) - 1;

  // After the claimants, who are of working age and without work, come the other people by what they do.
  const share = (fraction: number) => Math.floor((population - plan.claims) * fraction);
  const employed = { from: plan.claims, to: plan.claims + share(0.42) };
  const retired = { from: employed.to, to: employed.to + share(0.16) };
  const students = { from: retired.to, to: retired.to + share(0.14) };
  const dead = { from: population - share(0.008), to: population };

  const enterprises = Math.max(20, Math.floor(population / 10));
  const soleTraders = Math.max(10, Math.floor(population / 20));
  const firms = { enterprise: createFirms(chance, firmKinds.enterprise), selfEmployed: createFirms(chance, firmKinds.selfEmployed), social: createFirms(chance, firmKinds.socialOrganisation), institution: createFirms(chance, firmKinds.institution) };
  const socialCount = Math.max(5, Math.floor(population / 400));
  const institutionCount = Math.max(5, Math.floor(population / 500));

  const withGround = (ground: string) => claims.filter((claim) => claim.planted?.ground === ground);
  const withNearMiss = (kind: string) => claims.filter((claim) => claim.nearMiss === kind);
  /** A day inside the months already paid. */
  const duringBenefit = (claim: Claim, purpose: string) => addDays(claim.benefitFrom, 3 + chance.below(purpose, claim.index, 20));
  const employerOf = (index: number): Firm => firms.enterprise.firmAt(chance.below("employer", index, enterprises));
  const nameConflictEvery = 400;
  const capitalConflictEvery = 100;
  const deadClaimants = new Set(withGround("death").map((claim) => claim.person.index));

  function* persons(from: number, to: number, keep: (index: number) => boolean = () => true): Generator<Person> {
    for (let index = from; index < to; index += 1) if (keep(index)) yield people.personAt(index);
  }
  const deathOf = (person: Person) => addDays(options.asOf, -(30 + chance.below("death.day", person.index, 700)));
  const claimDeath = (claim: Claim) => duringBenefit(claim, "claim.death");
  const updatedAt = (index: number) => `${addDays(options.asOf, -(1 + chance.below("updated", index, 1_000)))} ${String(8 + (index % 10)).padStart(2, "0")}:${String(index % 60).padStart(2, "0")}:00`;

  const tables: Record<string, RowSource> = {
    *"gongan.household"() {
      for (const p of persons(0, population)) {
        const isDead = (p.index >= dead.from && p.index < dead.to) || deadClaimants.has(p.index);
        const householder = chance.unit("household.head", p.index) < 0.4;
        yield [p.citizenNumber, p.name, p.sexCode, p.ethnicCode, p.birthDate, p.birthRegionCode, isDead ? "9" : "0", p.address, null, householder ? p.name : people.personAt(chance.below("household.other", p.index, population)).name, householder ? "本人" : "家庭成员", p.maritalCode, updatedAt(p.index)];
      }
    },
    *"gongan.household_death"() {
      for (const p of persons(dead.from, dead.to)) yield [p.citizenNumber, p.name, deathOf(p), addDays(deathOf(p), 12)];
      for (const claim of withGround("death")) yield [claim.person.citizenNumber, claim.person.name, claimDeath(claim), addDays(claimDeath(claim), 5)];
    },
    *"gongan.emigration"() {
      for (const p of persons(students.to, students.to + Math.floor(population / 500))) yield [p.citizenNumber, p.name, "加拿大", addDays(options.asOf, -400), addDays(options.asOf, -380)];
      for (const claim of withGround("emigration")) yield [claim.person.citizenNumber, claim.person.name, "澳大利亚", duringBenefit(claim, "claim.emigration"), addDays(duringBenefit(claim, "claim.emigration"), 4)];
    },
    *"minzheng.marriage"() {
      for (const p of persons(0, population, (index) => chance.unit("marriage", index) < 0.15)) yield [`HZ${String(p.index).padStart(10, "0")}`, p.citizenNumber, p.name, p.maritalCode === "10" ? "21" : p.maritalCode, addDays("1995-01-01", chance.below("marriage.day", p.index, 10_000))];
    },
    *"minzheng.funeral"() {
      for (const p of persons(dead.from, dead.to)) yield [p.citizenNumber, p.name, deathOf(p), addDays(deathOf(p), 3), "杭州殡仪馆"];
      for (const claim of withGround("death")) yield [claim.person.citizenNumber, claim.person.name, claimDeath(claim), addDays(claimDeath(claim), 2), "杭州殡仪馆"];
    },
    *"minzheng.low_income"() {
      for (const p of persons(students.to, population, (index) => chance.unit("lowIncome", index) < 0.03)) yield [p.citizenNumber, p.name, addDays("2015-01-01", chance.below("lowIncome.day", p.index, 3_000)), 500 + chance.below("lowIncome.amount", p.index, 40) * 10];
    },
    *"minzheng.social_organisation"() {
      for (let index = 0; index < socialCount; index += 1) yield organisationRow(firms.social.firmAt(index), "杭州市民政局");
    },
    *"laodong.unemployment_claim"() {
      for (const claim of claims) yield [claim.claimNo, claim.person.citizenNumber, claim.person.name, claim.benefitFrom, claim.benefitUntil, claim.contributionMonths, claim.monthsPaid, claim.monthlyAmount, yyyymm(paidMonth), claim.unemployedOn];
    },
    *"laodong.employment_registration"() {
      for (const p of persons(employed.from, employed.to, (index) => chance.unit("registered", index) < 0.4)) yield [`JY${String(p.index).padStart(10, "0")}`, p.citizenNumber, p.name, employerOf(p.index).code, employerOf(p.index).name, addDays(options.asOf, -(60 + chance.below("employed.day", p.index, 3_000))), null];
      for (const claim of withGround("employment")) yield [`JYA${String(claim.index).padStart(9, "0")}`, claim.person.citizenNumber, claim.person.name, employerOf(claim.index).code, employerOf(claim.index).name, duringBenefit(claim, "claim.employment"), null];
      for (const claim of withNearMiss("employment-ended")) yield [`JYB${String(claim.index).padStart(9, "0")}`, claim.person.citizenNumber, claim.person.name, employerOf(claim.index).code, employerOf(claim.index).name, addDays(claim.unemployedOn, -900), claim.unemployedOn];
    },
    *"laodong.job_refusal"() {
      for (const claim of [...withGround("refusal"), ...withNearMiss("refusal-justified")]) {
        const offered = duringBenefit(claim, "claim.refusal");
        yield [`JJ${String(claim.index).padStart(10, "0")}`, claim.person.citizenNumber, claim.person.name, offered, addDays(offered, 2), claim.nearMiss === "refusal-justified", "杭州市就业服务中心"];
      }
    },
    *"shebao.contribution"() {
      const month = yyyymm(paidMonth);
      const paidOn = addDays(firstOfMonth(paidMonth), 14);
      for (const p of persons(employed.from, employed.to)) yield [`SB${month}${String(p.index).padStart(9, "0")}`, p.citizenNumber, p.name, month, employerOf(p.index).code, employerOf(p.index).name, 3_000 + chance.below("base", p.index, 200) * 50, paidOn];
      for (const claim of withGround("contribution")) {
        const worked = Math.min(paidMonth, monthOf(claim.benefitFrom) + 1);
        yield [`SBA${yyyymm(worked)}${String(claim.index).padStart(8, "0")}`, claim.person.citizenNumber, claim.person.name, yyyymm(worked), employerOf(claim.index).code, employerOf(claim.index).name, 4_000, addDays(firstOfMonth(worked), 14)];
      }
      // The last month of the job that ended: paid for, and no hit.
      for (const claim of withNearMiss("contribution-before")) {
        const last = monthOf(claim.unemployedOn);
        yield [`SBB${yyyymm(last)}${String(claim.index).padStart(8, "0")}`, claim.person.citizenNumber, claim.person.name, yyyymm(last), employerOf(claim.index).code, employerOf(claim.index).name, 4_000, addDays(firstOfMonth(last), 14)];
      }
    },
    *"shebao.pension"() {
      for (const p of persons(retired.from, retired.to)) yield [p.citizenNumber, p.name, addDays(options.asOf, -(100 + chance.below("pension.day", p.index, 5_000))), 2_000 + chance.below("pension.amount", p.index, 300) * 10, null];
      for (const claim of withGround("pension")) yield [claim.person.citizenNumber, claim.person.name, duringBenefit(claim, "claim.pension"), 2_400, null];
      for (const claim of withNearMiss("pension-stopped")) yield [claim.person.citizenNumber, claim.person.name, addDays(claim.unemployedOn, -700), 900, addDays(claim.unemployedOn, -400)];
    },
    *"gongshang.enterprise"() {
      const planted = withGround("enterprise");
      const cancelled = withNearMiss("enterprise-cancelled");
      for (let index = 0; index < enterprises + planted.length + cancelled.length; index += 1) {
        const claim = index < enterprises ? undefined : index < enterprises + planted.length ? planted[index - enterprises] : cancelled[index - enterprises - planted.length];
        yield enterpriseRow(firms.enterprise.firmAt(index), claim);
      }
    },
    *"gongshang.self_employed"() {
      const planted = withGround("self-employed");
      const cancelled = withNearMiss("self-employed-cancelled");
      for (let index = 0; index < soleTraders + planted.length + cancelled.length; index += 1) {
        const firm = firms.selfEmployed.firmAt(index);
        const claim = index < soleTraders ? undefined : index < soleTraders + planted.length ? planted[index - soleTraders] : cancelled[index - soleTraders - planted.length];
        const operator = claim?.person ?? people.personAt(employed.from + chance.below("operator", index, Math.max(1, employed.to - employed.from)));
        yield [firm.code, firm.name, operator.name, operator.citizenNumber, firm.address, claim ? (claim.planted ? duringBenefit(claim, "claim.trader") : addDays(claim.unemployedOn, -800)) : firm.establishedOn, claim?.nearMiss ? "注销" : "存续", updatedAt(index)];
      }
    },
    *"zhijian.organisation_code_cert"() {
      for (let index = 0; index < enterprises; index += 1) {
        const firm = firms.enterprise.firmAt(index);
        yield [firm.code, `${firm.code.slice(8, 16)}-${firm.code[16]}`, firm.name, firm.entityType, representative(index).name, firm.address, firm.establishedOn, "杭州市工商行政管理局", "存续"];
      }
    },
    *"guoshui.tax_registration_national"() {
      for (let index = 0; index < enterprises; index += 2) {
        const firm = firms.enterprise.firmAt(index);
        const capital = index % capitalConflictEvery === 0 ? firm.capital * 2 : firm.capital;
        yield [firm.code, firm.name, representative(index).name, firm.address, capital, firm.industryCode, "正常", addDays(firm.establishedOn, 30)];
      }
    },
    *"dishui.tax_registration_local"() {
      for (let index = 0; index < enterprises; index += 1) {
        const firm = firms.enterprise.firmAt(index);
        yield [firm.code, firm.name, representative(index).name, firm.address, firm.capital, firm.industryCode, "正常", addDays(firm.establishedOn, 30)];
      }
    },
    *"dishui.personal_income_tax"() {
      const month = yyyymm(paidMonth);
      for (const p of persons(employed.from, employed.to, (index) => chance.unit("incomeTax", index) < 0.6)) yield [`GS${month}${String(p.index).padStart(9, "0")}`, p.citizenNumber, p.name, employerOf(p.index).code, month, 5_000 + chance.below("income", p.index, 200) * 100];
    },
    *"bianban.public_institution"() {
      for (let index = 0; index < institutionCount; index += 1) yield organisationRow(firms.institution.firmAt(index), "杭州市事业单位登记管理局");
    },
    *"tongji.basic_unit"() {
      for (let index = 0; index < enterprises; index += 5) {
        const firm = firms.enterprise.firmAt(index);
        yield [firm.code, firm.name, firm.address, firm.industryCode, 1 + chance.below("employees", index, 400)];
      }
    },
    *"weisheng.death_certificate"() {
      for (const p of persons(dead.from, dead.to)) yield [`SW${String(p.index).padStart(10, "0")}`, p.citizenNumber, p.name, deathOf(p), addDays(deathOf(p), 1), "杭州市第一人民医院"];
      for (const claim of withGround("death")) yield [`SWA${String(claim.index).padStart(9, "0")}`, claim.person.citizenNumber, claim.person.name, claimDeath(claim), addDays(claimDeath(claim), 1), "杭州市中医院"];
    },
    *"weisheng.health_record"() {
      for (const p of persons(0, population, (index) => chance.unit("health", index) < 0.6 || index % nameConflictEvery === 0)) {
        // One character of the name was written down wrong.
        const name = p.index % nameConflictEvery === 0 ? `${p.name}某` : p.name;
        yield [p.citizenNumber, name, chance.pick("blood", p.index, ["A", "B", "O", "AB"]), p.address, `1390571${String(p.index % 10_000).padStart(4, "0")}`];
      }
    },
    *"sifa.imprisonment"() {
      for (const claim of withGround("imprisonment")) yield [`SF${String(claim.index).padStart(10, "0")}`, claim.person.citizenNumber, claim.person.name, duringBenefit(claim, "claim.prison"), null, "浙江省第一监狱"];
      for (const claim of withNearMiss("released-before")) yield [`SFB${String(claim.index).padStart(9, "0")}`, claim.person.citizenNumber, claim.person.name, addDays(claim.unemployedOn, -1_500), addDays(claim.unemployedOn, -900), "浙江省第二监狱"];
    },
    *"bingyi.enlistment"() {
      for (const p of persons(students.from, students.from + Math.floor(population / 600))) yield [p.citizenNumber, p.name, addDays(options.asOf, -500), null];
      for (const claim of withGround("enlistment")) yield [claim.person.citizenNumber, claim.person.name, duringBenefit(claim, "claim.enlist"), null];
      for (const claim of withNearMiss("discharged-before")) yield [claim.person.citizenNumber, claim.person.name, addDays(claim.unemployedOn, -2_000), addDays(claim.unemployedOn, -1_200)];
    },
    *"jiaoyu.student"() {
      for (const p of persons(students.from, students.to)) yield [`XJ${String(p.index).padStart(12, "0")}`, p.citizenNumber, p.name, `杭州第${1 + (p.index % 40)}中学`, addDays(options.asOf, -(80 + 365 * chance.below("student.year", p.index, 3))), p.address, null];
    },
    *"gongjijin.housing_fund"() {
      for (const p of persons(employed.from, employed.to, (index) => chance.unit("fund", index) < 0.55)) yield [`GJJ${String(p.index).padStart(10, "0")}`, p.citizenNumber, p.name, employerOf(p.index).code, 300 + chance.below("fund.amount", p.index, 100) * 10, yyyymm(paidMonth), p.address];
    },
    *"canlian.disability"() {
      for (const p of persons(0, population, (index) => chance.unit("disability", index) < 0.03)) yield [`CJ${String(p.index).padStart(12, "0")}`, p.citizenNumber, p.name, chance.pick("disability.kind", p.index, ["视力", "听力", "肢体", "智力"]), chance.pick("disability.level", p.index, ["一级", "二级", "三级", "四级"]), p.address];
    },
    *"jisheng.family_planning"() {
      for (const p of persons(0, population, (index) => chance.unit("family", index) < 0.3)) yield [p.citizenNumber, p.name, p.address, chance.below("children", p.index, 3), null];
    },
  };

  function representative(index: number): Person {
    return people.personAt(employed.from + chance.below("representative", index, Math.max(1, employed.to - employed.from)));
  }
  function enterpriseRow(firm: Firm, claim: Claim | undefined): Cell[] {
    const person = claim?.person ?? representative(firm.index);
    const established = claim ? (claim.planted ? duringBenefit(claim, "claim.firm") : addDays(claim.unemployedOn, -900)) : firm.establishedOn;
    return [firm.code, firm.name, firm.entityType, person.name, person.citizenNumber, `${firm.name.slice(4, 8)}的生产、销售及相关技术服务`, firm.address, firm.capital, established, "杭州市工商行政管理局", claim?.nearMiss ? "注销" : "存续", firm.economicType, firm.industryCode, updatedAt(firm.index)];
  }
  function organisationRow(firm: Firm, registrar: string): Cell[] {
    return [firm.code, firm.name, firm.entityType, representative(firm.index).name, firm.address, firm.establishedOn, registrar, "存续"];
  }

  const planted = claims.flatMap((claim) => (claim.planted ? [claim.planted] : []));
  return { claims, planted, contradictions: { names: Math.ceil(population / nameConflictEvery), capitals: Math.ceil(enterprises / capitalConflictEvery) }, tables };
}

export type { Chance };
