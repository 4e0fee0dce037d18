import type { Mapping, Target } from "./mapping.ts";

const counted = { en: "a number of rows, which changes daily: not part of an entry", zh: "数据量随时变化,不属于目录内容" };
const updated = { en: "when the data last changed: not part of an entry", zh: "数据更新时间,不属于目录内容" };

const unused = { 数据量: counted, 更新时间: updated, 最后更新: updated, 数据集更新时间: updated, 浏览量: counted, 下载量: counted, 浏览次数: counted, 下载次数: counted } as const;

interface Portal {
  name: string;
  zh: string;
  en: string;
  city: string;
  host: string;
  parameter?: string;
  fields: Partial<Record<Target, readonly string[]>>;
}

const mapping = ({ name, zh, en, city, host, parameter, fields }: Portal): Mapping => ({
  name,
  title: { en: `open-data portal of ${en}`, zh: `${zh}公共数据开放平台` },
  city,
  host,
  source: host,
  portal: true,
  key: parameter === undefined ? {} : { parameter },
  required: ["title", "provider", "openness", "sourceReference"],
  unused,
  fields: { ...fields, ...(fields.sourceReference === undefined ? {} : { onlineLinks: fields.sourceReference }) },
});

/** 银川 and 乌鲁木齐 run the same portal software: one vocabulary, told apart by the host of the details page. */
const odweb: Portal["fields"] = { title: ["标题"], openness: ["开放状态"], themeCodes: ["所属主题"], provider: ["来源部门"], keywords: ["标签"], updateCycle: ["更新频率"], releasedOn: ["发布时间"], industryCodes: ["所属行业"], abstract: ["描述"], sourceReference: ["详情页网址"], formats: ["数据格式"] };

/** The words of six portals, as their catalogs were published in 2023. */
export const portalMappings: readonly Mapping[] = [
  mapping({
    name: "luzhou", zh: "泸州市", en: "Luzhou", city: "泸州市", host: "data.luzhou.cn", parameter: "id",
    fields: { title: ["标题"], themeCodes: ["数据主题", "数据领域"], provider: ["提供方"], contact: ["联系电话"], updateCycle: ["更新周期"], keywords: ["关键字"], abstract: ["资源摘要"], openness: ["开放条件"], sourceReference: ["详情页网址"], releasedOn: ["发布时间"], formats: ["数据格式"] },
  }),
  mapping({
    name: "deyang", zh: "德阳市", en: "Deyang", city: "德阳市", host: "www.dysdsj.cn",
    fields: { title: ["标题"], provider: ["资源提供方"], themeCodes: ["领域名称"], releasedOn: ["发布时间"], openness: ["开放类型"], industryCodes: ["所属行业"], updateCycle: ["更新周期"], contact: ["联系电话"], keywords: ["标签"], abstract: ["资源摘要"], formats: ["资源格式"], sourceReference: ["详情页网址"] },
  }),
  mapping({ name: "yinchuan", zh: "银川市", en: "Yinchuan", city: "银川市", host: "data.yinchuan.gov.cn", parameter: "cata_id", fields: odweb }),
  mapping({
    name: "wuhu", zh: "芜湖市", en: "Wuhu", city: "芜湖市", host: "data.wuhu.cn", parameter: "id",
    fields: { title: ["标题"], provider: ["机构分类"], sourceReference: ["url"], themeCodes: ["领域名称"], releasedOn: ["数据集创建时间"], openness: ["开放类型"], updateCycle: ["更新频率"], abstract: ["数据简介"], formats: ["资源格式"] },
  }),
  mapping({
    name: "huangshan", zh: "黄山市", en: "Huangshan", city: "黄山市", host: "www.huangshan.gov.cn", parameter: "resourceId",
    fields: { title: ["标题"], releasedOn: ["发布时间"], updateCycle: ["更新周期"], abstract: ["摘要"], sourceReference: ["详情页网址"], provider: ["提供机构"], themeCodes: ["数据领域"], formats: ["资源格式"], openness: ["开放条件"] },
  }),
  mapping({ name: "urumqi", zh: "乌鲁木齐市", en: "Urumqi", city: "乌鲁木齐市", host: "zwfw.wlmq.gov.cn", parameter: "cata_id", fields: odweb }),
];

const anyKey: readonly string[] = ["详情页网址", "详情页", "url", "数据集网址", "链接", "网址"];

/** Any other portal that uses the common words; its host becomes the source. */
export const anyPortalMapping: Mapping = {
  name: "portal",
  title: { en: "open-data portal", zh: "公共数据开放平台(通用)" },
  portal: true,
  key: {},
  required: ["title", "provider", "openness"],
  unused,
  fields: {
    title: ["标题", "数据集名称", "目录名称", "资源名称", "名称", "数据名称"],
    provider: ["提供方", "资源提供方", "来源部门", "机构分类", "提供机构", "数源单位", "提供单位", "提供部门", "数据提供方", "发布机构", "所属部门"],
    openness: ["开放条件", "开放类型", "开放状态", "开放属性", "开放方式"],
    openCondition: ["开放条件说明", "申请条件"],
    themeCodes: ["数据主题", "所属主题", "主题分类", "主题名称", "数据领域", "领域名称", "所属领域", "领域"],
    industryCodes: ["所属行业", "行业分类", "行业名称", "行业"],
    updateCycle: ["更新周期", "更新频率", "更新频度"],
    keywords: ["标签", "关键字", "关键词"],
    abstract: ["资源摘要", "摘要", "描述", "数据简介", "简介", "数据摘要"],
    formats: ["数据格式", "资源格式", "格式"],
    contact: ["联系电话", "联系方式"],
    releasedOn: ["发布时间", "发布日期", "首次发布时间", "数据集创建时间"],
    sourceReference: anyKey,
    onlineLinks: anyKey,
  },
};
