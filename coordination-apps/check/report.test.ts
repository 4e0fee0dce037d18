import { afterAll, beforeAll, expect, test } from "vitest";
import { auditor, createCheckHarness, officer, strangeOfficer, system, type CheckHarness } from "../testing/check-harness.ts";
import { numberOf, sampleClaim, sampleContribution } from "../testing/sample-claims.ts";
import { unemploymentCheck } from "../unemployment/definition.ts";
import { printReport } from "./services/report-text.ts";

let city: CheckHarness;
const definition = unemploymentCheck.name;
beforeAll(async () => {
  city = await createCheckHarness("2026-06-14T20:00:00Z");
  await city.feeds.create();
  await city.attach(["income-tax"]);
  await city.feeds.apply("claims", Array.from({ length: 12 }, (_, index) => sampleClaim(index + 1)));
  await city.feeds.apply("contributions", [sampleContribution(1), sampleContribution(1, { record_no: "SB0100", pay_month: "202605" }), sampleContribution(2, { name: "别人" }), sampleContribution(3)]);
  await city.feeds.apply("pensions", [{ citizen_number: numberOf(3), name: "张3", started_on: "2026-05-01" }, { citizen_number: numberOf(4), name: "张4", started_on: "2026-05-01" }]);
  await city.feeds.apply("enterprises", [{ social_credit_code: "91330100MA28AAAA1X", name: "新公司", legal_representative: "张5", legal_representative_number: numberOf(5), established_on: "2026-03-03", registration_status: "存续" }]);
  city.clock.set("2026-06-15T02:00:00Z");
  await city.apps.check.runBatch(system, { definition, month: "202606" });
  const found = await city.apps.cases.list(officer, {}, { limit: 10 });
  await city.apps.cases.notifyMany(officer, found.slice(0, 3).map(({ id }) => ({ caseId: id, channel: "电话" })));
  await city.apps.cases.confirmMany(officer, found.slice(0, 2).map(({ id }) => ({ caseId: id, reason: "属实", hearing: "accepted" })));
  await city.apps.cases.dismiss(officer, { caseId: found[4]!.id, kind: "no-income", reason: "企业未开业" });
  await city.feeds.apply("pensions", [], [{ citizen_number: numberOf(4) }]);
  await city.apps.check.compareChanges(system, definition);
  city.clock.set("2026-07-20T02:00:00Z");
});
afterAll(() => city.end());

const report = () => city.apps.reports.report(officer, { definition, month: "202606" });

test("the figures add up: hits by rule and department, cases by outcome, money by the formula", async () => {
  const { compared, hits, cases, rules, departments } = await report();
  expect({ compared, hits, cases }).toEqual({
    compared: 12,
    hits: 6,
    cases: { cases: 5, confirmed: 2, dismissed: 1, overturned: 0, underAppeal: 0, pending: 2, overdue: 2, deadlineUnknown: 0, withoutEvidence: 1, moneyKept: "26400.00", remainingMonths: 16, moneyPending: "26400.00" },
  });
  expect(rules.filter((rule) => rule.hits + rule.withdrawn > 0).map(({ ruleId, hits: rows, claims, withdrawn, nameDiffers }) => [ruleId, rows, claims, withdrawn, nameDiffers])).toEqual([
    ["reemployment-contribution", 4, 3, 0, 1],
    ["business-enterprise", 1, 1, 0, 0],
    ["pension", 1, 1, 1, 0],
  ]);
  expect(departments.filter((one) => one.hits > 0).map((one) => [one.department.zh, one.hits])).toEqual([["市社会保险管理局", 5], ["市工商行政管理局", 1]]);
});

test("the printed report reads in Chinese and says which rules did not run and how fresh the evidence was", async () => {
  expect(printReport(await report(), "zh")).toMatchInlineSnapshot(`
    "失业保险金领取资格协查  比对月份 2026-06
    方案版本 1  比对时间 2026-06-15 10:00  出表时间 2026-07-20 10:00

    比对人次                                    12
    比中人次（立案）                             5
    比中证据（条）                               6
      已确认                                     2
      已排除                                     1
      待核实                                     2
        其中逾期                                 2
        其中证据已全部撤回                       1
    节约资金（元）                       26,400.00
    待核实涉及（元）                     26,400.00

    一、按规则
      规则                                   证据    人次  已撤回      姓名不同  依据
      重新就业（就业登记）                      0       0       0             0  社会保险法第五十一条第（一）项
      重新就业（单位缴纳社会保险费）            4       3       0             1  社会保险法第五十一条第（一）项
      登记为企业法定代表人（线索）              1       1       0             0  社会保险法第五十一条第（一）项 (仅线索)
      登记为个体工商户（线索）                  0       0       0             0  社会保险法第五十一条第（一）项 (仅线索)
      应征服兵役                                0       0       0             0  社会保险法第五十一条第（二）项
      移居境外                                  0       0       0             0  社会保险法第五十一条第（三）项
      享受基本养老保险待遇                      1       1       1             0  社会保险法第五十一条第（四）项
      无正当理由拒绝介绍工作或培训              0       0       0             0  社会保险法第五十一条第（五）项
      被判刑收监执行                            0       0       0             0  失业保险条例第十五条第（五）项
      死亡（公安户口注销）                      0       0       0             0  社会保险法第四十九条
      死亡（殡葬火化）                          0       0       0             0  社会保险法第四十九条
      死亡（死亡医学证明）                      0       0       0             0  社会保险法第四十九条
      领取期限已满                              0       0       0             0  社会保险法第四十六条
      重复申领                                  0       0       0             0  社会保险法第四十六条

    二、按提供部门
      市社会保险管理局                      5
      市工商行政管理局                      1
      市劳动和社会保障局                    0
      市地方税务局                          0
      市征兵办公室                          0
      市公安局                              0
      市司法局                              0
      市民政局                              0
      市卫生局                              0

    三、未执行的规则
      重新就业（单位扣缴个人所得税） — 未挂接已授权的数据流

    四、证据时效
      数据                                    批次  落地时间          比对时已过（小时）
      失业保险金申领发放信息                     1  2026-06-15 04:00             6
      就业登记信息                               0  2026-06-15 04:00             6
      社会保险缴费信息                           1  2026-06-15 04:00             6
      个人所得税扣缴信息                    未挂接已授权的数据流
      企业登记基本信息                           1  2026-06-15 04:00             6
      个体工商户登记信息                         0  2026-06-15 04:00             6
      应征入伍信息                               0  2026-06-15 04:00             6
      出国（境）定居注销户口信息                 0  2026-06-15 04:00             6
      基本养老金发放信息                         1  2026-06-15 04:00             6
      拒绝介绍工作或培训信息                     0  2026-06-15 04:00             6
      收监执行信息                               0  2026-06-15 04:00             6
      死亡注销户口信息                           0  2026-06-15 04:00             6
      殡葬火化信息                               0  2026-06-15 04:00             6
      死亡医学证明信息                           0  2026-06-15 04:00             6

    五、说明
      一条证据记录的公民身份号码与申领人相同，且其日期使规则成立，即为比中；姓名不同仅作提示。比中不停发待遇，只立案核实；“线索”类比中本身不是停发依据。
      一人可因多条证据比中，故证据条数不小于人次。
      节约资金 = Σ 已确认（未撤销、未在申诉中）办件的月发放金额 × 剩余月数；剩余月数 = 领取截止月份 − 比对月份（不含比对当月，不为负）。已发放的月份不计入，是否追回由待遇发放部门依法决定。
    "
  `);
});

test("the printed report reads in English", async () => {
  const text = printReport(await report(), "en");
  expect(text).toContain("Claims compared");
  expect(text).toContain("re-employed (an employer withholds income tax) — no granted feed is attached for it");
  expect(text).not.toMatch(/undefined|NaN|\[object/);
});

test("a month that has not been compared says so", async () => {
  const text = printReport(await city.apps.reports.report(officer, { definition, month: "202605" }), "zh");
  expect(text).toContain("本月尚未比对");
  expect(text).not.toMatch(/undefined|NaN/);
});

test("the report is for the benefit department and the auditor", async () => {
  expect((await city.apps.reports.report(auditor, { definition, month: "202606" })).compared).toBe(12);
  await expect(city.apps.reports.report(strangeOfficer, { definition, month: "202606" })).rejects.toMatchObject({ kind: "NotFound" });
});
