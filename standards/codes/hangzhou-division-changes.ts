export interface DivisionChange {
  /** First day of the new state, `YYYY-MM-DD`: the day on which the State Council's approval was announced. */
  readonly on: string;
  readonly zh: string;
  readonly en: string;
  /** Codes that ended and what took their place. */
  readonly ended: Readonly<Record<string, readonly string[]>>;
  readonly begun: readonly string[];
}

/**
 * What became of Hangzhou's districts after 2008. The change of 2021 also moved land between codes that stayed: 上城
 * took 江干 (without the part that is now 钱塘), 拱墅 took 下城, 余杭 gave its east to 临平, 萧山 its north-east to 钱塘.
 */
export const hangzhouDivisionChanges: readonly DivisionChange[] = [
  {
    on: "2014-12-13",
    zh: "撤销富阳市，设立富阳区",
    en: "Fuyang City became Fuyang District",
    ended: { "330183": ["330111"] },
    begun: ["330111"],
  },
  {
    on: "2017-08-11",
    zh: "撤销临安市，设立临安区",
    en: "Lin'an City became Lin'an District",
    ended: { "330185": ["330112"] },
    begun: ["330112"],
  },
  {
    on: "2021-04-09",
    zh: "下城区并入拱墅区，江干区并入上城区(钱塘部分除外)，余杭区分出临平区，设立钱塘区",
    en: "Xiacheng joined Gongshu, Jianggan joined Shangcheng (but for the part in Qiantang), Linping left Yuhang, Qiantang was set up",
    ended: { "330103": ["330105"], "330104": ["330102", "330114"] },
    begun: ["330113", "330114"],
  },
];

/** The 13 county-level divisions of Hangzhou in 2008: 8 districts, 3 county-level cities and 2 counties. */
export const hangzhouDivisions2008: readonly string[] = [
  "330102",
  "330103",
  "330104",
  "330105",
  "330106",
  "330108",
  "330109",
  "330110",
  "330122",
  "330127",
  "330182",
  "330183",
  "330185",
];

/** The 13 since 2021-04-09: 10 districts, 1 county-level city and 2 counties. */
export const hangzhouDivisionsNow: readonly string[] = [
  "330102",
  "330105",
  "330106",
  "330108",
  "330109",
  "330110",
  "330111",
  "330112",
  "330113",
  "330114",
  "330122",
  "330127",
  "330182",
];
