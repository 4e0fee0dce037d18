import type { CatalogEntry, DataItem } from "#standards";

/** An invented city's catalog, the same for the same seed and size: Chinese titles, items that recur as in real ones. */
export interface GeneratedOrganisation {
  id: string;
  name: string;
  shortName: string;
  kind: "department" | "district" | "city-data-office";
  regionCode: string;
}

export interface GeneratedEntry {
  id: string;
  code: string;
  resourceId: string;
  organisationId: string;
  state: "draft" | "published" | "suspended";
  content: CatalogEntry;
  completeness: number;
  updatedAt: Date;
}

const departments = "发展和改革委员会,经济和信息化局,教育局,科学技术局,公安局,民政局,司法局,财政局,人力资源和社会保障局,规划和自然资源局,生态环境局,城乡建设委员会,住房保障和房产管理局,城市管理局,交通运输局,林业水利局,农业农村局,商务局,文化广电旅游局,卫生健康委员会,退役军人事务局,应急管理局,审计局,市场监督管理局,体育局,统计局,医疗保障局,综合行政执法局,税务局,数据资源管理局,残疾人联合会,总工会,住房公积金管理中心,气象局,消防救援支队,邮政管理局".split(",");
const districts: readonly [string, string][] = [["上城区", "330102"], ["拱墅区", "330105"], ["西湖区", "330106"], ["滨江区", "330108"], ["萧山区", "330109"], ["余杭区", "330110"], ["富阳区", "330111"], ["临安区", "330112"], ["临平区", "330113"], ["钱塘区", "330114"], ["桐庐县", "330122"], ["淳安县", "330127"], ["建德市", "330182"]];
const objects = "户籍人口,常住人口,流动人口,婚姻登记,出生医学证明,死亡登记,低保对象,特困人员,残疾人,退役军人,失业登记人员,就业困难人员,参保人员,养老保险待遇,医疗保险结算,工伤认定,住房公积金缴存,住房公积金贷款,公租房保障,不动产登记,房屋交易,土地出让,建设用地规划许可,建设工程施工许可,企业法人登记,个体工商户,社会组织,民办非企业单位,事业单位法人,分支机构,股权出质,动产抵押,纳税信用等级,增值税申报,欠税公告,进出口企业,外商投资企业,高新技术企业,专利授权,科技项目,食品经营许可,食品抽检,药品经营企业,医疗器械备案,医疗机构,执业医师,护士注册,预防接种,传染病报告,公共卫生监测,学校,在校学生,教师资格,学籍,高校毕业生,民办教育机构,机动车,驾驶人,交通违法,道路运输企业,公交线路,公交站点,停车场,共享单车,空气质量,水质监测,排污许可,危险废物,环境处罚,噪声监测,水库,河道,取水许可,农产品检测,农机购置补贴,家庭农场,畜禽养殖,林权登记,古树名木,旅游景区,星级饭店,文物保护单位,公共图书馆,体育场馆,安全生产许可,消防验收,应急避难场所,自然灾害,气象预警,行政许可,行政处罚,行政强制,信用黑名单,政府采购,招标公告,财政预算,专项资金,审计整改,统计指标,工业产值,固定资产投资,商品房价格,电梯,特种设备,计量器具,认证证书,律师事务所,公证机构,法律援助,社区矫正,信访事项,市民热线,政务服务事项,电子证照,视频监控点位,路灯,井盖,垃圾分类,园林绿地,供水管网,燃气用户,充电桩".split(",");
const aspects = "基础信息,明细,变更记录,年度统计,月度统计,名录,注销信息,审批结果,监督检查,异常名单,公示信息,业务办理,核验结果,分布情况,评价结果,历史档案".split(",");
const qualifiers = ["", "", "", "全市", "市级", "区级", "重点", "新增", "在册", "历年"];
const properties = "编号,名称,状态,类别,地址,联系人,日期,金额,数量,等级,有效期,审批机关,结果,原因,面积,比例".split(",");
const commonItems: readonly DataItem[] = [
  { name: "公民身份号码", field: "citizen_number", type: "C", length: 18, sensitivity: "L4", personal: true },
  { name: "姓名", field: "name", type: "C", length: 50, sensitivity: "L3", personal: true },
  { name: "统一社会信用代码", field: "uscc", type: "C", length: 18, sensitivity: "L1" },
  { name: "单位名称", field: "unit_name", type: "C", length: 100, sensitivity: "L1" },
  { name: "法定代表人", field: "legal_representative", type: "C", length: 50, sensitivity: "L2" },
  { name: "联系电话", field: "phone", type: "C", length: 20, sensitivity: "L3", personal: true },
  { name: "联系地址", field: "address", type: "C", length: 200, sensitivity: "L2" },
  { name: "性别", field: "sex", type: "C", length: 1, sensitivity: "L1" },
  { name: "出生日期", field: "birth_date", type: "D", sensitivity: "L2", personal: true },
  { name: "行政区划代码", field: "region_code", type: "C", length: 6, sensitivity: "L1" },
  { name: "更新时间", field: "updated_at", type: "T", sensitivity: "L1" },
  { name: "数据来源", field: "source", type: "C", length: 50, sensitivity: "L1" },
];
const themes = "ZAA00,ZBA00,ZBG00,ZBH00,ZCB00,ZCD00,ZDB00,ZDC00,ZDD00,ZEF00,ZFB00,ZFC00,ZFE00,ZFF00,ZGB00,ZGG00,ZHB00,ZHC00,ZHD00,ZHE00".split(",");
const guides = ["101", "102", "103", "104", "105", "201", "202", "203", "204", "301", "302", "303", "304", "305", "306", "307", "308"];
const cycles = ["realtime", "daily", "daily", "weekly", "monthly", "monthly", "quarterly", "half-yearly", "yearly", "irregular", "static"] as const;
const sharing = ["unconditional", "unconditional", "unconditional", "conditional", "conditional", "refused"] as const;
const sensitivities = ["L1", "L1", "L2", "L2", "L3", "L4"] as const;

/** A small generator of repeatable numbers (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function generateOrganisations(): GeneratedOrganisation[] {
  const city = departments.map((name, at): GeneratedOrganisation => ({ id: `organisation_${String(at + 1).padStart(3, "0")}`, name: `杭州市${name}`, shortName: name, kind: name === "数据资源管理局" ? "city-data-office" : "department", regionCode: "330100" }));
  return [...city, ...districts.map(([name, regionCode], at): GeneratedOrganisation => ({ id: `organisation_${String(departments.length + at + 1).padStart(3, "0")}`, name: `杭州市${name}人民政府办公室`, shortName: name, kind: "district", regionCode }))];
}

/** The texts that the benchmark asks for: words that find from dozens to some thousands of entries. */
export function generateQueries(count: number): string[] {
  const random = createRandom(99);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  return Array.from({ length: count }, (_, at) => {
    switch (at % 5) {
      case 0:
        return `${pick(objects)}${pick(aspects)}`;
      case 1:
        return `${pick(objects)} ${pick(districts)[0]}`;
      case 2:
        return `${pick(objects)}${pick(properties)}`;
      case 3:
        return `${pick(departments)} ${pick(objects)}`;
      default:
        return pick(objects);
    }
  });
}

export function* generateEntries({ count, seed = 1, itemsPerEntry = 10 }: { count: number; seed?: number; itemsPerEntry?: number }): Generator<GeneratedEntry> {
  const random = createRandom(seed);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  const organisations = generateOrganisations();
  const start = Date.UTC(2023, 0, 1);
  for (let number = 1; number <= count; number += 1) {
    const organisation = pick(organisations);
    const object = pick(objects);
    const place = organisation.kind === "district" ? organisation.shortName : random() < 0.25 ? pick(districts)[0] : "";
    const title = `${place}${pick(qualifiers)}${object}${pick(aspects)}${random() < 0.7 ? String(2015 + Math.floor(random() * 12)) : ""}`;
    const items: DataItem[] = [];
    const taken = new Set<string>();
    const add = (item: DataItem) => {
      if (taken.has(item.field) || taken.has(item.name)) return;
      taken.add(item.field).add(item.name);
      items.push(item);
    };
    while (items.length < itemsPerEntry) {
      if (random() < 0.4) add(pick(commonItems));
      else {
        const from = random() < 0.8 ? object : pick(objects);
        const property = Math.floor(random() * properties.length);
        add({ name: `${from}${properties[property]!}`, field: `f${objects.indexOf(from)}_${property}`, type: "C", length: 60, sensitivity: "L1" });
      }
    }
    const sharingType = pick(sharing);
    const derivedFrom = number > 10 && random() < 0.2 ? [`101/${String(1 + Math.floor(random() * (number - 1))).padStart(6, "0")}`] : [];
    const relatedCodes = number > 10 && random() < 0.1 ? [`101/${String(1 + Math.floor(random() * (number - 1))).padStart(6, "0")}`] : [];
    yield {
      id: `entry_${String(number).padStart(8, "0")}`,
      code: `101/${String(number).padStart(6, "0")}`,
      resourceId: `33A${organisation.id.slice(-3)}/${String(number).padStart(6, "0")}`,
      organisationId: organisation.id,
      state: random() < 0.92 ? "published" : random() < 0.5 ? "draft" : "suspended",
      completeness: 50 + Math.floor(random() * 51),
      updatedAt: new Date(start + Math.floor(random() * 1000) * 86_400_000),
      content: {
        title,
        abstract: `${organisation.name}在履行职责过程中产生的${object}数据,包括${items.slice(0, 3).map((item) => item.name).join("、")}等内容,用于${pick(aspects)}和${pick(objects)}业务协同。`,
        keywords: [object, pick(objects), pick(aspects)].filter((word, at, all) => all.indexOf(word) === at),
        themeCodes: random() < 0.2 ? [themes[0]!, pick(themes.slice(1))] : [pick(themes)],
        guideCategory: pick(guides),
        format: { class: random() < 0.7 ? "database" : pick(["spreadsheet", "electronic-file", "service"] as const), types: ["PostgreSQL"] },
        items,
        sharingType,
        ...(sharingType === "conditional" ? { sharingCondition: "限履行职责使用" } : sharingType === "refused" ? { refusalBasis: "依照法律规定不予共享" } : {}),
        sharingMethod: ["feed"],
        open: sharingType === "unconditional" && random() < 0.4,
        updateCycle: pick(cycles),
        sensitivity: pick(sensitivities),
        ...(derivedFrom.length > 0 ? { derivedFrom } : {}),
        ...(relatedCodes.length > 0 ? { relatedCodes } : {}),
      },
    };
  }
}
