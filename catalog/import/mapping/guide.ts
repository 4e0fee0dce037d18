import type { Mapping } from "./mapping.ts";

/**
 * The columns of 政务信息资源目录编制指南 (发改高技〔2017〕1272号), with the items of an entry on rows of their own, and the
 * further columns that cities add. Alternatives cover one- and two-line headers.
 */
export const guideMapping: Mapping = {
  name: "guide-2017",
  title: { en: "table of the 2017 catalog guide (发改高技〔2017〕1272号)", zh: "政务信息资源目录编制指南(2017)表格" },
  required: ["title", "sharingType"],
  marks: ["信息资源名称", "信息资源代码"],
  fields: {
    guideClass: ["信息资源分类/类", "类"],
    guideItem: ["信息资源分类/项", "项"],
    code: ["信息资源代码"],
    title: ["信息资源名称", "目录名称"],
    provider: ["信息资源提供方", "提供方", "提供单位", "信息资源提供方/名称"],
    internalDepartment: ["内部部门", "信息资源提供方/内部部门", "提供方内部部门"],
    providerCode: ["信息资源提供方代码", "提供方代码"],
    abstract: ["信息资源摘要", "摘要"],
    keywords: ["关键字", "关键词"],
    themeCodes: ["主题分类"],
    industryCodes: ["行业分类"],
    formatClass: ["信息资源格式/分类", "信息资源格式分类", "格式分类", "信息资源格式"],
    formats: ["信息资源格式/类型", "信息资源格式类型", "格式类型", "数据格式"],
    "item.name": ["信息项信息/信息项名称", "信息项信息/名称", "信息项名称", "信息项", "数据项"],
    "item.type": ["信息项信息/数据类型", "数据类型", "信息项类型"],
    "item.length": ["信息项信息/数据长度", "信息项信息/长度", "数据长度", "长度"],
    "item.field": ["信息项信息/英文短名", "英文短名", "字段名"],
    "item.sensitivity": ["信息项信息/敏感级别", "敏感级别", "信息项分级"],
    "item.key": ["信息项信息/是否主键", "是否主键"],
    "item.definition": ["信息项信息/说明", "信息项说明"],
    sharingType: ["共享属性/共享类型", "共享类型", "共享属性"],
    sharingCondition: ["共享属性/共享条件", "共享条件"],
    refusalBasis: ["不予共享依据"],
    sharingMethod: ["共享属性/共享方式/类型", "共享属性/共享方式", "共享方式类型", "共享方式"],
    useConditions: ["使用条件"],
    open: ["开放属性/是否向社会开放", "是否向社会开放", "是否开放"],
    openCondition: ["开放属性/开放条件", "开放条件"],
    updateCycle: ["更新周期", "更新频率"],
    sensitivity: ["数据分级", "分类分级"],
    contact: ["联系方式", "联系电话"],
    releasedOn: ["发布日期", "信息资源发布日期", "发布时间"],
    relatedCodes: ["关联资源代码", "关联信息资源代码"],
  },
  unused: { 序号: { en: "a row number", zh: "行序号" }, 目: { en: "the department's number: allocated by the platform", zh: "部门顺序号,由平台分配" }, 细目: { en: "allocated by the platform", zh: "由平台分配" } },
};
