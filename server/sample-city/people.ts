import { makeCitizenNumber, makeSocialCreditCode } from "#standards";
import type { Chance } from "./random.ts";
import { addDays } from "./calendar-months.ts";

/**
 * Invented persons and firms. Every birth date lies in 1875-1880 and every firm's body starts with TEXT, TEXU, TEXR or
 * TEXB: the check digits are right, and no number can belong to anybody.
 */
export interface Person {
  index: number;
  citizenNumber: string;
  name: string;
  sexCode: "1" | "2";
  ethnicCode: string;
  birthDate: string;
  birthRegionCode: string;
  address: string;
  maritalCode: string;
}

export interface Firm {
  index: number;
  code: string;
  name: string;
  address: string;
  entityType: string;
  /** 万元. */
  capital: number;
  establishedOn: string;
  industryCode: string;
  economicType: string;
}

export const areas = ["330102", "330103", "330104", "330105", "330106", "330108", "330109", "330110", "330122", "330127", "330182", "330183", "330185"] as const;
const areaNames: Record<string, string> = { "330102": "上城区", "330103": "下城区", "330104": "江干区", "330105": "拱墅区", "330106": "西湖区", "330108": "滨江区", "330109": "萧山区", "330110": "余杭区", "330122": "桐庐县", "330127": "淳安县", "330182": "建德市", "330183": "富阳市", "330185": "临安市" };
const surnames = [..."王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁沈任姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武戚莫孔向汤"];
const givenFirst = [..."建国志明文晓丽秀玉春海永俊少宏思雅佳子雨诗美慧天立庆荣德正家世"];
const givenSecond = ["", ..."华军伟芳英敏静强磊洋艳勇杰娟涛超霞平刚桂兰凤洁梅琳云莲真环雪荣爱妹香月莺媛", ""];
const streets = ["清波街道", "湖滨街道", "小营街道", "天水街道", "武林街道", "长庆街道", "凯旋街道", "采荷街道", "米市巷街道", "湖墅街道", "北山街道", "翠苑街道", "长河街道", "城厢街道", "临平街道"];
const roads = ["延安路", "解放路", "中山北路", "文三路", "凤起路", "庆春路", "体育场路", "莫干山路", "天目山路", "江南大道", "教工路", "建国路"];
const trades = ["信息技术", "纺织品", "机械设备", "建筑装饰", "餐饮管理", "食品", "医药", "物流", "广告", "电子", "园林", "贸易", "服装", "五金", "印刷", "房地产"];
const ethnic = ["01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "22", "03", "11", "15", "06"];
const industries = ["I6513", "C1751", "C3499", "E5011", "H6210", "C1499", "F5251", "G5439", "L7251", "C3979", "N7850", "F5199", "C1819", "F5175", "C2319", "K7010"];

const firstDay = "1875-01-01";
const dayCount = 2_190;
const cells = areas.length * dayCount;
const capacity = cells * 490;

/** Persons 0 … count-1 of one city. Pure: the same index is the same person. */
export function createPeople(chance: Chance) {
  const offset = chance.below("people.offset", 0, capacity);
  function personAt(index: number): Person {
    // A fixed stride through all possible numbers: distinct for every index, scattered over areas and days.
    const place = (offset + index * 1_000_003) % capacity;
    const areaCode = areas[place % areas.length]!;
    const birthDate = addDays(firstDay, Math.floor(place / areas.length) % dayCount);
    const sexCode = chance.unit("person.sex", index) < 0.51 ? "1" : "2";
    const sequence = Math.floor(place / cells) * 2 + (sexCode === "1" ? 1 : 2);
    const name = chance.pick("person.surname", index, surnames) + chance.pick("person.given1", index, givenFirst) + chance.pick("person.given2", index, givenSecond);
    return {
      index,
      citizenNumber: makeCitizenNumber({ areaCode, birthDate, sequence }),
      name,
      sexCode,
      ethnicCode: chance.pick("person.ethnic", index, ethnic),
      birthDate,
      birthRegionCode: areaCode,
      address: `杭州市${areaNames[areaCode]}${chance.pick("person.street", index, streets)}${chance.pick("person.road", index, roads)}${1 + chance.below("person.house", index, 300)}号${1 + chance.below("person.unit", index, 6)}单元${101 + chance.below("person.room", index, 20) * 100}室`,
      maritalCode: chance.pick("person.marital", index, ["10", "20", "20", "20", "21", "22", "30", "40"]),
    };
  }
  return { personAt };
}

const bodyAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/** Firms of one kind; `prefix` keeps the kinds apart. */
export function createFirms(chance: Chance, kind: { prefix: string; department: string; category: string; entityTypes: readonly string[]; suffixes: readonly string[] }) {
  function firmAt(index: number): Firm {
    let rest = index;
    let tail = "";
    for (let digit = 0; digit < 4; digit += 1) {
      tail = bodyAlphabet[rest % bodyAlphabet.length]! + tail;
      rest = Math.floor(rest / bodyAlphabet.length);
    }
    const purpose = `firm.${kind.prefix}`;
    const areaCode = chance.pick(`${purpose}.area`, index, areas);
    const trade = chance.below(`${purpose}.trade`, index, trades.length);
    const word = chance.pick(`${purpose}.word1`, index, [..."宏盛华恒瑞兴泰丰德信诚利嘉润安达天"]) + chance.pick(`${purpose}.word2`, index, [..."源通达康和泰隆昌盈洋业成锦远博"]);
    return {
      index,
      code: makeSocialCreditCode({ department: kind.department, category: kind.category, areaCode, organisationBody: `${kind.prefix}${tail}` }),
      name: `杭州${word}${trades[trade]}${chance.pick(`${purpose}.suffix`, index, kind.suffixes)}`,
      address: `杭州市${areaNames[areaCode]}${chance.pick(`${purpose}.road`, index, roads)}${1 + chance.below(`${purpose}.house`, index, 600)}号`,
      entityType: chance.pick(`${purpose}.type`, index, kind.entityTypes),
      capital: [3, 10, 50, 100, 200, 500, 1_000, 5_000][chance.below(`${purpose}.capital`, index, 8)]!,
      establishedOn: addDays("1998-01-01", chance.below(`${purpose}.established`, index, 9_000)),
      industryCode: industries[trade]!,
      economicType: chance.pick(`${purpose}.economic`, index, ["150", "160", "171", "173", "120"]),
    };
  }
  return { firmAt };
}

export const firmKinds = {
  enterprise: { prefix: "TEXT", department: "9", category: "1", entityTypes: ["有限责任公司", "有限责任公司(自然人独资)", "股份有限公司", "个人独资企业"], suffixes: ["有限公司", "有限责任公司", "股份有限公司"] },
  selfEmployed: { prefix: "TEXU", department: "9", category: "2", entityTypes: ["个体工商户"], suffixes: ["经营部", "商行", "小吃店", "理发店", "维修部"] },
  socialOrganisation: { prefix: "TEXR", department: "5", category: "1", entityTypes: ["社会团体"], suffixes: ["协会", "学会", "商会"] },
  institution: { prefix: "TEXB", department: "1", category: "2", entityTypes: ["事业单位"], suffixes: ["服务中心", "研究所", "管理所"] },
} as const;
