import { industryCodes } from "../codes/industries.ts";
import { themeCodes } from "../codes/themes.ts";
import { findThemeCode, themeCodeOf } from "../codes/theme-names.ts";
import { once } from "../codes/read-data.ts";
import { plainWord } from "./normalised.ts";
import type { Normalised } from "./normalised.ts";

/** Domain words of portals that are no theme of GB/T 21063.4, and the theme that comes nearest. */
const nearestThemes: Readonly<Record<string, string>> = {
  "文化、体育": "文化、卫生、体育/综合类",
  文化娱乐: "文化、卫生、体育/综合类",
  教育文化: "科技、教育/教育",
  教育科技: "科技、教育/综合类",
  科技创新: "科技、教育/科技管理",
  卫生健康: "文化、卫生、体育/医药卫生管理",
  医疗卫生: "文化、卫生、体育/医药卫生管理",
  医疗服务: "文化、卫生、体育/医疗保健",
  健康保障: "文化、卫生、体育/医药卫生管理",
  疫情防控: "文化、卫生、体育/医药卫生管理",
  商业贸易: "商业、贸易/综合类",
  商贸流通: "商业、贸易/国内贸易",
  经贸工商: "商业、贸易/综合类",
  "工业、交通、邮政": "工业、交通/综合类",
  工业农业: "工业、交通/工业",
  交通运输: "工业、交通/交通运输",
  交通服务: "工业、交通/交通运输",
  交通出行: "工业、交通/交通运输",
  农村农业: "农业、水利/农业",
  农业农村: "农业、水利/农业",
  扶贫救灾: "民政、社区/民政",
  社会救助: "民政、社区/民政",
  宗教信仰: "综合党团/宗教",
  机构团体: "综合政务/机构编制",
  政府机构: "综合政务/机构编制",
  公共服务: "综合政务/综合类",
  信用服务: "经济管理/工商",
  信用体系: "经济管理/工商",
  市场监管: "经济管理/工商",
  市场监督: "经济管理/工商",
  经济发展: "经济管理/经济发展计划",
  财税金融: "财政/综合类",
  金融服务: "财政/金融",
  金融监管: "财政/金融",
  社保就业: "劳动、人事/社会保障",
  社会保障: "劳动、人事/社会保障",
  就业服务: "劳动、人事/劳动就业",
  公共安全: "政法、监察/公安",
  法律服务: "政法、监察/司法",
  安全生产: "经济管理/综合类",
  城建住房: "城乡建设、环境保护/城乡建设",
  住房保障: "城乡建设、环境保护/房地产",
  生态环境: "城乡建设、环境保护/环境保护治理",
  能源环境: "城乡建设、环境保护/环境保护治理",
  资源能源: "国土资源、能源/综合类",
  能源资源: "国土资源、能源/综合类",
  资源环境: "国土资源、能源/综合类",
  地理空间: "气象、水文、测绘、地震/测绘",
  地名地址: "民政、社区/民政",
  气象服务: "气象、水文、测绘、地震/气象",
  "气象、测绘、水文、地震": "气象、水文、测绘、地震/综合类",
  生活服务: "旅游、服务业/服务业",
};

const themeTable = once((): ReadonlyMap<string, Normalised<string>> => {
  const table = new Map<string, Normalised<string>>();
  for (const [word, name] of Object.entries(nearestThemes)) {
    table.set(plainWord(word), { value: themeCodeOf(name), approximate: true });
  }
  const items = themeCodes.entries.filter((entry) => entry.parent !== undefined && entry.label !== "综合类");
  for (const item of items)
    if (!table.has(plainWord(item.label))) table.set(plainWord(item.label), { value: item.code });
  // A class name wins over an item of the same name: 综合政务 is the class's 综合类.
  for (const entry of themeCodes.entries) {
    if (entry.parent === undefined) table.set(plainWord(entry.label), { value: `${entry.code}A00` });
  }
  return table;
});

/**
 * The theme code for the name of a class, an item or a portal's domain (`工业、交通`, `税务`, `社保就业`), or for a theme
 * code itself. A class gives its 综合类 item.
 */
export const normaliseTheme = (text: string): Normalised<string> => {
  const trimmed = text.trim();
  if (themeCodes.entries.some((entry) => entry.code === trimmed && entry.parent !== undefined))
    return { value: trimmed };
  const named = findThemeCode(trimmed);
  if (named !== undefined) return { value: named };
  return themeTable().get(plainWord(trimmed)) ?? { unknown: text };
};

const industryTable = once((): ReadonlyMap<string, string> => {
  const table = new Map<string, string>();
  for (const { code, label } of industryCodes().entries) {
    const word = plainWord(label);
    // The widest level wins where division, group and class have one name.
    if (!table.has(word)) table.set(word, code);
  }
  return table;
});

/** The GB/T 4754 code for an industry's name or code; the misprint 信息传揄 is understood. */
export const normaliseIndustry = (text: string): Normalised<string> => {
  const trimmed = text.trim();
  const code = industryCodes().normalise?.(trimmed) ?? trimmed;
  if (industryCodes().entries.some((entry) => entry.code === code)) return { value: code };
  const found = industryTable().get(plainWord(trimmed).replace("信息传揄", "信息传输"));
  return found === undefined ? { unknown: text } : { value: found };
};
