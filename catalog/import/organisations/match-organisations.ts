import type { Organisation } from "../../model/types.ts";
import { plainHeader } from "../mapping/mapping.ts";

export type OrganisationMatch =
  | { organisation: Organisation }
  /** Several bodies go by this name. */
  | { several: Organisation[] }
  | { unknown: string; fullName: string; suggestion?: Organisation };

export interface OrganisationMatcher {
  match(name: string | undefined, code: string | undefined): OrganisationMatch;
}

/** Short forms of departments' names, for suggestions only: 农业委员会 and 农业农村局 may be one body or two. */
const abbreviations: readonly (readonly [RegExp, string])[] = [
  [/发改(委|局)/, "发展和改革$1"], [/经信(委|局)/, "经济和信息化$1"], [/工信局/, "工业和信息化局"], [/人社局/, "人力资源和社会保障局"], [/住建(局|委)/, "住房和城乡建设$1"], [/卫健委/, "卫生健康委员会"], [/卫健局/, "卫生健康局"],
  [/卫计(委|局)/, "卫生和计划生育$1"], [/市场监管局|市监局/, "市场监督管理局"], [/文旅局/, "文化和旅游局"], [/教体局/, "教育和体育局"], [/应急局/, "应急管理局"], [/医保局/, "医疗保障局"], [/城管(执法)?局/, "城市管理局"], [/国资委/, "国有资产监督管理委员会"],
  [/残联/, "残疾人联合会"], [/公积金中心|公积金$/, "住房公积金管理中心"], [/(发展和改革|卫生健康|住房和城乡建设)委$/, "$1委员会"], [/编办/, "机构编制委员会办公室"], [/人防办/, "人民防空办公室"], [/民宗局/, "民族宗教事务局"], [/妇联/, "妇女联合会"], [/退役军人局/, "退役军人事务局"],
];

const expand = (name: string): string => abbreviations.reduce((text, [pattern, full]) => text.replace(pattern, full), name);

const bigrams = (text: string): Set<string> => new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, index) => text.slice(index, index + 2)));

function likeness(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  let shared = 0;
  for (const pair of left) if (right.has(pair)) shared += 1;
  return left.size + right.size === 0 ? 0 : (2 * shared) / (left.size + right.size);
}

const pairsOf = (name: string): Set<string> => bigrams(expand(name));
const leastLikeness = 0.6;
const province = /^(北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|中国|国家)/;

/** The full name of a body that a city's own table shortens: 市教育局 → 泸州市教育局, 叙永县民政局 → 泸州市叙永县民政局. */
export function fullNameIn(city: string | undefined, name: string): string {
  if (city === undefined) return name;
  const base = city.replace(/市$/, "");
  if (name.includes(base) || province.test(name)) return name;
  return name.startsWith("市") ? `${city}${name.slice(1)}` : `${city}${name}`;
}

/**
 * Finds the bodies that a file names: by unified social credit code; by the full name; by the name as written; by the
 * short name, within the table's own city when that is known; and by the same without spaces and punctuation. A name
 * that fits several is not decided, one that fits none is not guessed: the nearest is only suggested.
 */
export function createOrganisationMatcher(organisations: readonly Organisation[], city: string | undefined): OrganisationMatcher {
  const inCity = (organisation: Organisation): boolean => city === undefined || organisation.name.includes(city.replace(/市$/, ""));
  const index = (key: (organisation: Organisation) => string | undefined, fits: (organisation: Organisation) => boolean = () => true) => {
    const map = new Map<string, Organisation[]>();
    for (const organisation of organisations) {
      const value = key(organisation);
      if (value !== undefined && fits(organisation)) map.set(value, [...(map.get(value) ?? []), organisation]);
    }
    return map;
  };
  const byCode = index((organisation) => organisation.socialCreditCode);
  const byName = index((organisation) => organisation.name);
  const byShortName = index((organisation) => organisation.shortName, inCity);
  const byPlainName = index((organisation) => plainHeader(organisation.name));
  const byPlainShortName = index((organisation) => (organisation.shortName === undefined ? undefined : plainHeader(organisation.shortName)), inCity);
  const pairs = organisations.map((organisation) => ({ organisation, full: pairsOf(organisation.name), short: organisation.shortName === undefined ? undefined : pairsOf(organisation.shortName) }));
  const decided = new Map<string, OrganisationMatch>();

  function decide(name: string): OrganisationMatch {
    const fullName = fullNameIn(city, name);
    for (const found of [byName.get(fullName), byName.get(name), byShortName.get(name), byPlainName.get(plainHeader(fullName)), byPlainShortName.get(plainHeader(name))]) {
      if (found?.length === 1) return { organisation: found[0]! };
      if (found !== undefined) return { several: found };
    }
    const wanted = pairsOf(fullName);
    const short = pairsOf(name);
    const nearest = pairs.map(({ organisation, full, short: shortPairs }) => ({ organisation, score: Math.max(likeness(wanted, full), shortPairs === undefined ? 0 : likeness(short, shortPairs)) })).sort((left, right) => right.score - left.score)[0];
    return { unknown: name, fullName, ...(nearest !== undefined && nearest.score >= leastLikeness ? { suggestion: nearest.organisation } : {}) };
  }

  return {
    match(name, code) {
      const coded = code === undefined ? undefined : byCode.get(code);
      if (coded?.length === 1) return { organisation: coded[0]! };
      if (name === undefined) return { unknown: "", fullName: "" };
      let match = decided.get(name);
      if (match === undefined) decided.set(name, (match = decide(name)));
      return match;
    },
  };
}
