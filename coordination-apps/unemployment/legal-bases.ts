import type { LegalBasis } from "../check/model/definition.ts";

/** 中华人民共和国社会保险法 (2018 amendment), 失业保险条例 (State Council decree 258, 1999); English in our words. */
const socialInsuranceLaw = "中华人民共和国社会保险法";
const unemploymentRegulation = "失业保险条例";

const article51 = (clause: string, zh: string, message: string): LegalBasis => ({
  law: socialInsuranceLaw,
  article: `第五十一条第（${clause}）项`,
  text: { zh: `失业人员在领取失业保险金期间有下列情形之一的，停止领取失业保险金，并同时停止享受其他失业保险待遇：（${clause}）${zh}`, message: `A person on unemployment benefit stops receiving it, and all other unemployment insurance benefits, who ${message}` },
});

export const legalBases = {
  reemployment: article51("一", "重新就业的", "(1) is employed again"),
  enlistment: article51("二", "应征服兵役的", "(2) is called up for military service"),
  emigration: article51("三", "移居境外的", "(3) moves abroad"),
  pension: article51("四", "享受基本养老保险待遇的", "(4) receives a basic pension"),
  refusal: article51("五", "无正当理由，拒不接受当地人民政府指定部门或者机构介绍的适当工作或者提供的培训的", "(5) without good reason refuses suitable work or training offered by the designated body"),
  imprisonment: {
    law: unemploymentRegulation,
    article: "第十五条第（五）项",
    text: { zh: "失业人员在领取失业保险金期间有下列情形之一的，停止领取失业保险金，并同时停止享受其他失业保险待遇：（五）被判刑收监执行或者被劳动教养的", message: "A person on unemployment benefit stops receiving it who (5) is sentenced and taken to prison (re-education through labour was abolished in 2013)" },
  },
  death: {
    law: socialInsuranceLaw,
    article: "第四十九条",
    text: { zh: "失业人员在领取失业保险金期间死亡的，参照当地对在职职工死亡的规定，向其遗属发给一次性丧葬补助金和抚恤金。", message: "When a person on unemployment benefit dies, the dependants receive a funeral grant and a pension as for employees; the benefit itself ends with the person" },
  },
  term: {
    law: socialInsuranceLaw,
    article: "第四十六条",
    text: { zh: "失业人员失业前用人单位和本人累计缴费满一年不足五年的，领取失业保险金的期限最长为十二个月；累计缴费满五年不足十年的，领取失业保险金的期限最长为十八个月；累计缴费十年以上的，领取失业保险金的期限最长为二十四个月。", message: "The longest term is 12 months with 1 to under 5 years of contributions, 18 months with 5 to under 10 years, 24 months with 10 years or more" },
  },
  duplicate: {
    law: socialInsuranceLaw,
    article: "第四十六条",
    text: { zh: "重新就业后，再次失业的，缴费时间重新计算，领取失业保险金的期限与前次失业应当领取而尚未领取的失业保险金的期限合并计算，最长不超过二十四个月。", message: "After another job and another unemployment the terms are added up, at most 24 months: one term at a time, so two claims cannot be paid side by side" },
  },
} as const satisfies Record<string, LegalBasis>;

/** What verification itself rests on: 社会保险经办条例 (State Council decree 765, 2023). */
export const procedureBases: LegalBasis[] = [
  {
    law: "社会保险经办条例",
    article: "第二十五条",
    text: { zh: "个人出现国家规定的停止享受社会保险待遇的情形，用人单位、待遇享受人员或者其亲属应当自相关情形发生之日起20个工作日内告知社会保险经办机构。社会保险经办机构核实后应当停止发放相应的社会保险待遇。", message: "The employer, the person or relatives report within 20 working days; the agency verifies, and then stops the benefit" },
  },
  {
    law: "社会保险经办条例",
    article: "第二十六条",
    text: { zh: "社会保险经办机构应当通过信息比对、自助认证等方式，核验社会保险待遇享受资格。……对涉嫌丧失社会保险待遇享受资格后继续享受待遇的，社会保险经办机构应当调查核实。经调查确认不符合社会保险待遇享受资格的，停止发放待遇。", message: "The agency checks entitlement by comparing data; a suspected case must be investigated first, and only what the investigation confirms ends the benefit" },
  },
];
