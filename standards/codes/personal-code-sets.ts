import type { CodeEntry, CodeSet } from "./code-set.ts";

/** 性别. */
export const sexCodes: CodeSet = {
  name: "GB/T 2261.1",
  title: "人的性别代码",
  english: "Sex",
  source: "GB/T 2261.1-2003",
  entries: [
    { code: "0", label: "未知的性别", english: "unknown" },
    { code: "1", label: "男性", english: "male" },
    { code: "2", label: "女性", english: "female" },
    { code: "9", label: "未说明的性别", english: "not stated" },
  ],
};

/** 婚姻状况. */
export const maritalStatusCodes: CodeSet = {
  name: "GB/T 2261.2",
  title: "婚姻状况代码",
  english: "Marital status",
  source: "GB/T 2261.2-2003",
  entries: [
    { code: "10", label: "未婚", english: "single" },
    { code: "20", label: "已婚", english: "married" },
    { code: "21", label: "初婚", english: "married for the first time", parent: "20" },
    { code: "22", label: "再婚", english: "remarried", parent: "20" },
    { code: "23", label: "复婚", english: "remarried to the same person", parent: "20" },
    { code: "30", label: "丧偶", english: "widowed" },
    { code: "40", label: "离婚", english: "divorced" },
    { code: "90", label: "未说明的婚姻状况", english: "not stated" },
  ],
};

/** The five codes to which many systems reduce GB/T 2261.2, and the standard's code for each. */
export const reducedMaritalCodes: Readonly<Record<string, string>> = {
  "1": "10",
  "2": "20",
  "3": "30",
  "4": "40",
  "9": "90",
};

/** The standard's code for a reduced one; a standard code is returned as it is; undefined for anything else. */
export const expandMaritalCode = (code: string): string | undefined =>
  reducedMaritalCodes[code] ?? maritalStatusCodes.entries.find((entry) => entry.code === code)?.code;

/** The reduced code for a standard one (21, 22, 23 become 2); undefined for anything else. */
export const reduceMaritalCode = (code: string): string | undefined => {
  const entry = maritalStatusCodes.entries.find((each) => each.code === code);
  return entry === undefined ? undefined : entry.code.charAt(0);
};

const ethnicNames =
  "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 纳西 景颇 柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯 鄂温克 德昂 保安 裕固 京 塔塔尔 独龙 鄂伦春 赫哲 门巴 珞巴 基诺".split(
    " ",
  );

const ethnicEntries: readonly CodeEntry[] = ethnicNames.map((name, index) => ({
  code: String(index + 1).padStart(2, "0"),
  label: `${name}族`,
}));

/** 民族. */
export const ethnicGroupCodes: CodeSet = {
  name: "GB/T 3304",
  title: "中国各民族名称代码",
  english: "Ethnic groups of China",
  source: "GB/T 3304-1991; 97 and 98 are widespread local extensions",
  entries: [
    ...ethnicEntries,
    { code: "97", label: "其他", english: "other", status: "local" },
    { code: "98", label: "外国血统中国籍人士", english: "Chinese citizens of foreign descent", status: "local" },
  ],
};
