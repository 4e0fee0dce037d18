import type { CheckDefinition } from "../check/model/definition.ts";
import { claims, evidenceRoles } from "./evidence-roles.ts";
import { procedureBases } from "./legal-bases.ts";
import { rules } from "./rules.ts";

/** 就业再就业协查 (失业保险): who on unemployment benefit is no longer entitled to it. */
export const unemploymentCheck: CheckDefinition = {
  name: "unemployment-benefit",
  version: 1,
  title: { zh: "失业保险金领取资格协查", message: "Unemployment benefit check" },
  purpose: { zh: "核验失业保险金领取资格（社会保险经办条例第二十六条）", message: "Checks entitlement to unemployment benefit by comparing data （社会保险经办条例 art. 26)" },
  subject: claims,
  // The days for which benefit was granted or is still paid, as far as the month compared has come: what lies ahead is
  // not yet a ground.
  window: { from: { claim: "benefit_from" }, until: { earliest: [{ period: "end" }, { latest: [{ coalesce: [{ claim: "benefit_until" }, { period: "end" }] }, { lastDayOf: { monthOf: { claim: "claim_month" } } }] }] } },
  evidence: evidenceRoles,
  kinds: [
    { kind: "reemployment", title: { zh: "重新就业", message: "re-employed" } },
    { kind: "enlistment", title: { zh: "应征服兵役", message: "called up for military service" } },
    { kind: "emigration", title: { zh: "移居境外", message: "moved abroad" } },
    { kind: "pension", title: { zh: "享受基本养老保险待遇", message: "receives a basic pension" } },
    { kind: "job-refusal", title: { zh: "无正当理由拒绝工作或培训", message: "refused work or training without good reason" } },
    { kind: "imprisonment", title: { zh: "被判刑收监执行", message: "imprisoned" } },
    { kind: "death", title: { zh: "死亡", message: "died" } },
    { kind: "term-over", title: { zh: "领取期限已满", message: "longest term is over" } },
    { kind: "duplicate", title: { zh: "重复申领", message: "duplicate claim" } },
  ],
  dismissalKinds: [
    { kind: "not-the-same-person", title: { zh: "非同一人", message: "not the same person" } },
    { kind: "source-error", title: { zh: "来源数据有误", message: "the source's record is wrong" } },
    { kind: "no-income", title: { zh: "未实际就业或经营", message: "no actual work or business" } },
    { kind: "already-reported", title: { zh: "本人已申报", message: "already reported by the person" } },
    { kind: "evidence-withdrawn", title: { zh: "证据已撤回", message: "the evidence was withdrawn" } },
    { kind: "other", title: { zh: "其他", message: "other" } },
  ],
  rules,
  hit: {
    text: {
      zh: "一条证据记录的公民身份号码与申领人相同，且其日期使规则成立，即为比中；姓名不同仅作提示。比中不停发待遇，只立案核实；“线索”类比中本身不是停发依据。",
      message: "A hit is one evidence row with the claimant's citizen number whose dates make a rule true; another name is noted only. A hit stops nothing: it opens a case to verify. A clue is in itself no ground.",
    },
    opensCase: ["ground", "clue"],
  },
  caseTerms: {
    numberPrefix: "失协",
    verifyWorkingDays: 20,
    objectWorkingDays: 5,
    appealDays: 60,
    sources: [
      ...procedureBases.map((basis) => ({ zh: `《${basis.law}》${basis.article}:${basis.text.zh}`, message: `${basis.law} ${basis.article}: ${basis.text.message}` })),
      { zh: "核实期限20个工作日、异议期限5个工作日为本系统建议值，由主管部门确认；申诉期限60日参照《行政复议法》第二十条。", message: "20 working days to verify and 5 to object are this product's proposals, for the lead office to confirm; 60 days to appeal follow 行政复议法 art. 20." },
    ],
  },
};
