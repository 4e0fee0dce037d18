import type { CodeEntry, CodeSet } from "./code-set.ts";

const guide: readonly (readonly [code: string, label: string, english: string, items: string])[] = [
  ["1", "基础信息资源", "base information", "人口 法人单位 自然资源和空间地理 社会信用 电子证照"],
  [
    "2",
    "主题信息资源",
    "theme information",
    "公共服务 健康保障 社会保障 食品药品安全 安全生产 价格监管 能源安全 信用体系 城乡建设 社区治理 生态环保 应急维稳",
  ],
  [
    "3",
    "部门信息资源",
    "department information",
    "党中央 全国人大 国务院 全国政协 最高人民法院 最高人民检察院 省(自治区、直辖市)及以下 计划单列市",
  ],
];

/** 类 (1 digit) and 项 (3 digits) of 政务信息资源目录编制指南(试行), 发改高技〔2017〕1272号. 项 numbers follow its order. */
export const guideCategories: CodeSet = {
  name: "发改高技〔2017〕1272号",
  title: "政务信息资源分类(类、项)",
  english: "Classes and items of the catalog guide of 2017",
  source: "发改高技〔2017〕1272号; numbers of the items in the guide's order",
  entries: guide.flatMap(([code, label, english, items]): CodeEntry[] => [
    { code, label, english },
    ...items.split(" ").map((item, index) => ({
      code: `${code}${String(index + 1).padStart(2, "0")}`,
      label: item,
      parent: code,
    })),
  ]),
};
