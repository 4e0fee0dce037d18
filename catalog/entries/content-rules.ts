import { findCodeSet, isEntryCode, isResourceIdentifier, sensitivities, type CatalogEntry, type DataElement, type DataItem } from "#standards";
import type { Issue } from "#platform";
import { normaliseItemName } from "../model/item-names.ts";

/** What the rules look up outside the content: read once for any number of contents. */
export interface ContentRuleContext {
  /** Of the elements that the contents are bound to. */
  dataElement(identifier: string): Pick<DataElement, "name" | "type" | "codeSet" | "status"> | undefined;
  /** Whether another entry of the department has the title already. */
  isTitleTaken(title: string): boolean;
}

export interface ContentRule {
  /** Where the rule comes from. */
  source: string;
  check(content: CatalogEntry, context: ContentRuleContext): Issue[];
}

const issue = (path: string, code: string, message: string, zh: string): Issue => ({ path, code: `entry.${code}`, message, zh });

const itemsOf = (content: CatalogEntry): readonly DataItem[] => content.items ?? [];

/** Positions at which a value stands that stood before. */
function repeated(values: readonly string[]): number[] {
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    if (seen.has(value)) return [index];
    seen.add(value);
    return [];
  });
}

const secrecyWords = /国家秘密|工作秘密|绝密|机密|涉密|秘密级/;
/** A marking as documents carry it: such an entry does not belong on this network at all. */
const secrecyMarking = /[([【〔](绝密|机密|秘密)[^)\])】〕]*[)\])】〕]|(绝密|机密|秘密)\s*★/;
/** 条例 art. 15: the basis is a law, an administrative regulation or a decision of the State Council. */
const namesBasis = /《[^》]+》|法第|条例第|国务院.*决定|国发|国办发/;

/** 条例 art. 15; 国发〔2016〕51号: base data are shared. 类 1 of the guide: 人口 法人 空间地理 信用 电子证照. */
const isBaseData = (content: CatalogEntry): boolean => content.guideCategory?.startsWith("1") ?? false;

export const contentRules: readonly ContentRule[] = [
  {
    source: "发改高技〔2017〕1272号: title unique per provider",
    check: (content, context) => (context.isTitleTaken(content.title) ? [issue("/title", "title-taken", "another entry of the department has this title", "本部门已有同名目录条目")] : []),
  },
  {
    source: "target tables: one column per item",
    check: (content) => repeated(itemsOf(content).map((item) => item.field)).map((index) => issue(`/items/${index}/field`, "field-twice", `the field ${itemsOf(content)[index]!.field} stands twice`, `英文短名 ${itemsOf(content)[index]!.field} 重复`)),
  },
  {
    source: "发改高技〔2017〕1272号: 信息项名称",
    check: (content) => repeated(itemsOf(content).map((item) => normaliseItemName(item.name))).map((index) => issue(`/items/${index}/name`, "name-twice", "another item has this name", `信息项名称“${itemsOf(content)[index]!.name}”重复`)),
  },
  {
    source: "docs/architecture.md, 5: zt_ columns are the platform's",
    check: (content) => itemsOf(content).flatMap((item, index) => (item.field.startsWith("zt_") ? [issue(`/items/${index}/field`, "field-reserved", "names that begin with zt_ are reserved", "以 zt_ 开头的短名为平台保留")] : [])),
  },
  {
    source: "a row must be known by its key to be updated",
    check: (content) => ((content.format.class === "database" || content.sharingMethod.includes("feed")) && itemsOf(content).length > 0 && !itemsOf(content).some((item) => item.key) ? [issue("/items", "no-key", "at least one item must be part of the key", "至少需要一个主键信息项")] : []),
  },
  {
    source: "条例 art. 22 批量交换 moves rows of items",
    check: (content) => (content.sharingMethod.includes("feed") && itemsOf(content).length === 0 ? [issue("/items", "feed-without-items", "an entry that is shared as a feed lists its items", "批量交换方式须列出信息项")] : []),
  },
  {
    source: "standards/codes",
    check: (content) => itemsOf(content).flatMap((item, index) => (item.codeSet !== undefined && findCodeSet(item.codeSet) === undefined ? [issue(`/items/${index}/codeSet`, "code-set-unknown", `there is no code set ${item.codeSet}`, `未知的代码集 ${item.codeSet}`)] : [])),
  },
  {
    source: "SQL numeric(length, scale)",
    check: (content) => itemsOf(content).flatMap((item, index) => (item.scale !== undefined && item.length !== undefined && item.scale > item.length ? [issue(`/items/${index}/scale`, "scale-over-length", "has more decimal places than digits", "小数位多于总位数")] : [])),
  },
  {
    source: "DB33/T 2351-2021: an entry is as sensitive as its most sensitive item",
    check(content) {
      const highest = Math.max(0, ...itemsOf(content).map((item) => sensitivities.indexOf(item.sensitivity ?? "L1")));
      return sensitivities.indexOf(content.sensitivity) < highest ? [issue("/sensitivity", "sensitivity-too-low", `is lower than ${sensitivities[highest]}, the highest of its items`, `数据分级低于信息项的最高级别 ${sensitivities[highest]}`)] : [];
    },
  },
  {
    source: "PIPL art. 55, 条例 art. 12",
    check: (content) => (itemsOf(content).some((item) => item.personal) && content.personalInformationAssessed !== true ? [issue("/personalInformationAssessed", "personal-not-assessed", "items are personal information: its impact must have been assessed", "含个人信息,须先作个人信息保护影响评估")] : []),
  },
  {
    source: "PIPL art. 4",
    check: (content) => itemsOf(content).flatMap((item, index) => (item.format === "citizen-number" && item.personal !== true ? [issue(`/items/${index}/personal`, "citizen-number-personal", "a citizen number is personal information", "公民身份号码属于个人信息")] : [])),
  },
  {
    source: "条例 art. 3; 保密法",
    check(content) {
      const texts: [string, string][] = [["/title", content.title], ["/abstract", content.abstract], ...itemsOf(content).flatMap((item, index): [string, string][] => [[`/items/${index}/name`, item.name], [`/items/${index}/definition`, item.definition ?? ""]])];
      const marked = texts.filter(([, text]) => secrecyMarking.test(text)).map(([path]) => issue(path, "secret", "carries a secrecy marking: state and work secrets are not shared on this platform", "带有密级标志:国家秘密、工作秘密不在共享范围内"));
      if (marked.length > 0 || content.secrecyRiskAssessed === true) return marked;
      return texts.filter(([, text]) => secrecyWords.test(text)).map(([path]) => issue(path, "secrecy-not-assessed", "mentions secrets: confirm that the secrecy risk was assessed and that none is shared", "提及涉密内容,须先作泄密风险评估并确认不含国家秘密、工作秘密"));
    },
  },
  {
    source: "条例 art. 15: refusal cites its basis",
    check: (content) => (content.sharingType === "refused" && (content.refusalBasis ?? "") !== "" && !namesBasis.test(content.refusalBasis!) ? [issue("/refusalBasis", "basis-not-cited", "must cite a law, an administrative regulation or a decision of the State Council", "须写明法律、行政法规或国务院决定的名称和条款")] : []),
  },
  {
    source: "条例 art. 15: no conditions are added to unconditional sharing",
    check: (content) => (content.sharingType === "unconditional" && content.sharingCondition !== undefined && !/^(|无|无条件(共享)?)$/.test(content.sharingCondition.trim()) ? [issue("/sharingCondition", "condition-added", "unconditional sharing has no condition", "无条件共享不得附加条件")] : []),
  },
  {
    source: "国发〔2016〕51号: base data are shared",
    check: (content) => (isBaseData(content) && content.sharingType === "refused" ? [issue("/sharingType", "base-data-refused", "base data (population, legal entities, geography, credit, certificates) are shared", "人口、法人、空间地理、信用、电子证照等基础信息资源应当共享")] : []),
  },
  {
    source: "发改高技〔2017〕1272号: 开放条件",
    check: (content) => (content.open && content.sharingType === "conditional" && (content.openCondition ?? "").trim() === "" ? [issue("/openCondition", "open-condition", "what is shared under a condition is opened under a condition", "有条件共享的资源向社会开放须写明开放条件")] : []),
  },
  {
    source: "条例 art. 15: what departments may not have, the public may not",
    check: (content) => (content.open && content.sharingType === "refused" ? [issue("/open", "open-refused", "what is not shared cannot be open to the public", "不予共享的资源不能向社会开放")] : []),
  },
  {
    source: "DB33/T 2351-2021: L4 does not leave",
    check: (content) => (content.open && content.sensitivity === "L4" ? [issue("/open", "open-sensitive", "data of level L4 cannot be open to the public", "L4 级数据不能向社会开放")] : []),
  },
  {
    source: "GB/T 18391",
    check: (content, context) =>
      itemsOf(content).flatMap((item, index) => {
        if (item.dataElement === undefined) return [];
        const element = context.dataElement(item.dataElement);
        if (!element || element.status === "retired") return [issue(`/items/${index}/dataElement`, element ? "element-retired" : "element-unknown", element ? `data element ${item.dataElement} is retired` : `there is no data element ${item.dataElement}`, element ? `数据元 ${item.dataElement} 已废止` : `没有数据元 ${item.dataElement}`)];
        return element.type === item.type ? [] : [issue(`/items/${index}/type`, "element-type", `data element ${item.dataElement} (${element.name}) has type ${element.type}`, `与数据元“${element.name}”的类型 ${element.type} 不一致`)];
      }),
  },
  {
    source: "条例 art. 22 服务接口",
    check: (content) => (content.format.class === "service" && !content.sharingMethod.includes("query-service") ? [issue("/sharingMethod", "service-method", "a service is shared as a query service", "服务接口类资源的共享方式应为服务接口")] : []),
  },
  {
    source: "发改高技〔2017〕1272号: 关联资源代码",
    check: (content) => (["relatedCodes", "derivedFrom"] as const).flatMap((member) => (content[member] ?? []).flatMap((code, index) => (isEntryCode(code) || isResourceIdentifier(code) ? [] : [issue(`/${member}/${index}`, "code-form", `${code} is neither an entry code nor a resource identifier`, `${code} 不是信息资源代码或标识符`)]))),
  },
];

/** Everything that the rules find. */
export function checkContentRules(content: CatalogEntry, context: ContentRuleContext): Issue[] {
  return contentRules.flatMap((rule) => rule.check(content, context));
}
