import type { CodeSet } from "./code-set.ts";

const departments = {
  "1": ["机构编制", "public-sector staffing", { "1": "机关", "2": "事业单位", "3": "群众团体", "9": "其他" }],
  "2": ["外交", "foreign affairs", { "1": "外国常驻新闻机构", "9": "其他" }],
  "3": [
    "司法行政",
    "justice administration",
    { "1": "律师执业机构", "2": "公证处", "3": "基层法律服务所", "4": "司法鉴定机构", "5": "仲裁委员会", "9": "其他" },
  ],
  "4": ["文化", "culture", { "1": "外国在华文化中心", "9": "其他" }],
  "5": ["民政", "civil affairs", { "1": "社会团体", "2": "民办非企业单位", "3": "基金会", "9": "其他" }],
  "6": [
    "旅游",
    "tourism",
    { "1": "外国旅游部门常驻代表机构", "2": "港澳台地区旅游部门常驻内地(大陆)代表机构", "9": "其他" },
  ],
  "7": ["宗教", "religious affairs", { "1": "宗教活动场所", "2": "宗教院校", "9": "其他" }],
  "8": ["工会", "trade unions", { "1": "基层工会", "9": "其他" }],
  "9": ["工商", "market regulation", { "1": "企业", "2": "个体工商户", "3": "农民专业合作社" }],
  A: ["中央军委改革和编制办公室", "Central Military Commission", { "1": "军队事业单位", "9": "其他" }],
  N: [
    "农业",
    "agriculture",
    { "1": "组级集体经济组织", "2": "村级集体经济组织", "3": "乡镇级集体经济组织", "9": "其他" },
  ],
  Y: ["其他", "other", { "1": "其他" }],
} as const satisfies Record<string, readonly [string, string, Record<string, string>]>;

/** Used locally as first character and not in GB 32100: a code that begins so is accepted with a warning. */
export const localRegistrationDepartments: readonly string[] = ["G", "J", "M", "Q"];

/** Positions 1 and 2 of the unified social credit code: registering department, and kind of body below it. */
export const socialCreditCategories: CodeSet = {
  name: "GB 32100 positions 1-2",
  title: "统一社会信用代码登记管理部门代码和机构类别代码",
  english: "Registering departments and kinds of body of the unified social credit code",
  source: "GB 32100-2015; local first characters G, J, M, Q",
  entries: [
    ...Object.entries(departments).flatMap(([code, [label, english, kinds]]) => [
      { code, label, english },
      ...Object.entries(kinds).map(([kind, kindLabel]) => ({ code: code + kind, label: kindLabel, parent: code })),
    ]),
    ...localRegistrationDepartments.map((code) => ({
      code,
      label: "地方自定",
      english: "local",
      status: "local" as const,
    })),
  ],
};
