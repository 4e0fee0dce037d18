/**
 * What people type and what they must get, for a viewer who sees everything. `first`: the beginning of the list, in
 * order; `all`: exactly these, in any order; `with`: at least these; `without`: none of these.
 */
export interface GoldenQuery {
  query: string;
  first?: readonly string[];
  all?: readonly string[];
  with?: readonly string[];
  without?: readonly string[];
  /** Nothing has all the words: those with some are expected. */
  relaxed?: boolean;
}

export const goldenQueries: readonly GoldenQuery[] = [
  // Whole titles and their beginnings
  { query: "户籍人口基础信息", first: ["ga01"] },
  { query: "企业法人登记信息", first: ["sj01"] },
  { query: "企业法人", first: ["sj01"] },
  { query: "不动产登记", first: ["gz01"], with: ["gz01", "gz06", "gz07"] },
  // A word inside a longer one, however it was cut
  { query: "代码", with: ["sj14", "mz11", "sj01"], without: ["jt03"] },
  { query: "证券代码", first: ["sj14"], all: ["sj14"] },
  { query: "抵押", all: ["gz06"] },
  { query: "一般纳税人", all: ["sw03"] },
  { query: "双公示", all: ["sz07"] },
  // Several words, in any order, with and without spaces
  { query: "企业 注销", first: ["sj04"] },
  { query: "注销企业", first: ["sj04"] },
  { query: "失业保险金发放", first: ["rs02"], all: ["rs02"] },
  { query: "养老保险 参保", first: ["rs04", "rs05"], with: ["rs04", "rs05"] },
  { query: "死亡日期", all: ["ga03", "mz08", "wj02"] },
  { query: "行政处罚", first: ["sw09", "st05"] },
  { query: "低保", first: ["sc01"], with: ["mz02", "sc01"] },
  { query: "低保家庭", first: ["sc01"], all: ["sc01"] },
  { query: "机动车 尾气", all: ["st11"] },
  { query: "食品安全抽检", first: ["sj07"] },
  { query: "建设工程规划许可", first: ["gz03"] },
  { query: "空气质量小时数据", all: ["st01"] },
  // Particles and words of asking
  { query: "我市的停车场", relaxed: true, first: ["sc02"] },
  { query: "查企业欠税", first: ["sw02"] },
  { query: "残疾人的补贴", first: ["mz09"] },
  { query: "人力资源社会保障局", with: ["rs01", "rs12"], without: ["mz01"] },
  // Organisations by their names, short and long
  { query: "民政局", with: ["mz01", "mz13"], without: ["ga01"] },
  { query: "杭州市税务局", with: ["sw01", "sw12"], without: ["rs01"] },
  { query: "上城区", with: ["sc01", "sc10"], without: ["mz01"] },
  { query: "京州市", all: ["sc09"] },
  // Items and data elements, by any of their names
  { query: "公民身份号码", with: ["ga01", "mz02", "rs01", "jy01"], without: ["sj01"] },
  { query: "统一社会信用代码", with: ["sj01", "mz04", "jt01"], without: ["ga01"] },
  { query: "婚姻状况", all: ["sz01"] },
  { query: "车牌号", all: ["jt09"] },
  { query: "机动车号牌号码", with: ["ga04", "sw08", "jt02", "jt09"] },
  { query: "不动产单元号", all: ["gz01", "gz06", "gz07", "sw07"] },
  { query: "PM2.5", first: ["st01"], all: ["st01"] },
  { query: "AQI", all: ["st01"] },
  // Latin and full-width letters
  { query: "gdp", first: ["sz10"], all: ["sz10"] },
  { query: "ＧＤＰ", all: ["sz10"] },
  { query: "12315", all: ["sj12"] },
  // Pinyin, whole and unfinished
  { query: "hunyin", first: ["mz01"] },
  { query: "renkouzonghe", first: ["sz01"], all: ["sz01", "sz11"] },
  { query: "gongjiaoxianlu", first: ["jt03"], all: ["jt03"] },
  { query: "kongqizhil", first: ["st01"], all: ["st01"] },
  { query: "budongchan", first: ["gz01"], with: ["gz01", "gz06", "gz07"] },
  { query: "taxi", all: [] },
  // Initials
  { query: "rkzhk", first: ["sz01"], all: ["sz01", "sz11"] },
  { query: "gjxl", all: ["jt03"] },
  { query: "bdcdj", first: ["gz01"], all: ["gz01"] },
  // Codes
  { query: "307001/ga01", all: ["ga01"] },
  // One character
  { query: "犬", all: ["ga09"] },
  { query: "税", with: ["sw01", "sw08", "sc06"], without: ["mz01"] },
  // Nothing has all of it
  { query: "企业纳税信用等级评价结果怎么查", relaxed: true, first: ["sw01"] },
  { query: "月球采矿 飞船", relaxed: true, first: ["gz10"] },
  { query: "量子计算", all: [] },
  { query: "?!", all: [] },
];
