import type { CodeEntry, CodeSet } from "./code-set.ts";

/** Classes in the standard's order, each with its items; the first item of a class is 综合类. */
const classes: readonly (readonly [name: string, items: string])[] = [
  ["综合政务", "综合类,方针政策,中共党务,综合政务,人大,政协,法院,检察院,机构编制,领导人,会议会务,重大事件"],
  ["经济管理", "综合类,经济发展计划,经济管理,经济体制改革,经贸管理,统计,物价,工商"],
  ["国土资源、能源", "综合类,土地,矿藏,水资源,海洋,煤炭,石油,燃料燃气,电力"],
  ["工业、交通", "综合类,工业,企业,交通运输"],
  ["信息产业", "综合类,通信,计算机,软件,网络,信息技术信息系统,邮政"],
  ["城乡建设、环境保护", "综合类,城乡规划,城乡建设,市政工程,房地产,环境保护治理,环境污染监测"],
  ["农业、水利", "综合类,农业,林业,畜牧业,副业,渔业,水利"],
  ["财政", "综合类,财政,税务,金融,保险,审计,会计"],
  ["商业、贸易", "综合类,国内贸易,对外贸易,物流仓储,海关,检验检疫"],
  ["旅游、服务业", "综合类,旅游,服务业"],
  ["气象、水文、测绘、地震", "综合类,气象,水文,测绘,地震"],
  ["对外事务", "综合类,外交,外事活动,国际关系,国际组织,国际会议"],
  ["政法、监察", "综合类,公安,国家安全,监察,司法"],
  ["科技、教育", "综合类,科技管理,科研工作,知识产权,技术监督,教育,院校管理"],
  ["文化、卫生、体育", "综合类,语言文字,文学艺术,文物考古,新闻出版,广播电影电视,医药卫生管理,医疗保健,计划生育,体育"],
  ["军事、国防", "综合类,国防建设,军事工作,军队政治,军事后勤,军事装备,军事技术,武警"],
  ["劳动、人事", "综合类,人事工作,劳动就业,社会保障,工资职称,福利待遇"],
  ["民政、社区", "综合类,民政,社区"],
  ["文秘、行政", "综合类,文秘工作,文种,机要保密,档案,信访工作,行政事务"],
  ["综合党团", "综合类,党派团体,民族事务,宗教,侨务工作,港澳台工作"],
  ["综合类", ""],
];

const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ";
/** Letters A–H are certain; that I and O are skipped after them is an assumption, so later codes are `unverified`. */
const verifiedLetters = 8;

const statusOf = (...positions: readonly number[]): Pick<CodeEntry, "status"> =>
  positions.every((position) => position < verifiedLetters) ? {} : { status: "unverified" };

const classEntries = ([name, items]: readonly [string, string], classIndex: number): CodeEntry[] => {
  const classCode = `Z${letters.charAt(classIndex)}`;
  return [
    { code: classCode, label: name, ...statusOf(classIndex) },
    ...(items === "" ? [name] : items.split(",")).map((label, itemIndex) => ({
      code: `${classCode}${letters.charAt(itemIndex)}00`,
      label,
      parent: classCode,
      ...statusOf(classIndex, itemIndex),
    })),
  ];
};

/**
 * 政务信息资源主题分类 (GB/T 21063.4): `Z`, the class's letter, the item's letter and two digits; `ZCC00` is 矿藏. Entries
 * of two characters are the classes and not codes of a resource.
 */
export const themeCodes: CodeSet = {
  name: "GB/T 21063.4",
  title: "政务信息资源目录体系 主题分类",
  english: "Themes of government information resources",
  source: "GB/T 21063.4-2007; letters after H unverified",
  entries: classes.flatMap(classEntries),
};

const resourceThemes = new Set(themeCodes.entries.map((entry) => entry.code).filter((code) => code.length === 5));

/**
 * Whether a text is a theme that a catalog entry may have. The last two digits divide an item further; the standard's
 * own list stops at `00`, so others are accepted below a known item.
 */
export const isThemeCode = (text: string): boolean =>
  /^Z[A-HJ-NP-Z]{2}[0-9]{2}$/.test(text) && resourceThemes.has(`${text.slice(0, 3)}00`);
