/* eslint-disable */
// Generated from standards/schemas by `npm run generate`. Do not edit.

/**
 * Source position: a 63-bit number (a WAL location for PostgreSQL) and the index within it
 */
export type Position = string;
/**
 * 行条件: which rows of an entry a request asks for and a grant allows. A tree of comparisons on the entry's fields; evaluated in SQL where possible, and identically in process for captured changes. Values are compared as the item's type.
 */
export type RowCondition = AllOf | AnyOf | Not | Comparison;
/**
 * 角色 (《共享用户和权限管理规范》, GB/T 39477 role separation): cataloguer 编目员, approver 部门审批, city-reviewer 市级审核, review-office 四部门审核, node-operator 节点运维, analyst 数据分析, case-officer 协查经办, application 应用, auditor 审计, administrator 系统管理.
 */
export type Role =
  | "cataloguer"
  | "approver"
  | "city-reviewer"
  | "review-office"
  | "node-operator"
  | "analyst"
  | "case-officer"
  | "application"
  | "auditor"
  | "administrator";

/**
 * The type that each schema describes, by the schema's name.
 */
export interface SchemaTypes {
  "batch-envelope": BatchEnvelope;
  "catalog-entry": CatalogEntry;
  "data-element": DataElement;
  "data-item": DataItem;
  grant: Grant;
  "node-manifest": NodeManifest;
  organisation: Organisation;
  roles: Role;
  "row-condition": RowCondition;
  "sharing-request": SharingRequest;
}
/**
 * 批次信封: what is signed about one batch of a feed. The signature covers the canonical JSON (RFC 8785 form) of every member but `signature`; `previousHash` of the next batch is the digest of the canonical JSON of the whole envelope, signature included.
 */
export interface BatchEnvelope {
  protocol: 1;
  suite: "sha256-ed25519" | "sm3-sm2";
  feedId: string;
  grantId: string;
  grantVersion: number;
  providerNodeId: string;
  /**
   * Rises with every full refresh
   */
  generation: number;
  /**
   * 1, 2, 3 … without gap over the whole life of the feed
   */
  sequence: number;
  kind: "refresh-begin" | "chunk" | "refresh-end" | "changes" | "checksum" | "repair" | "end";
  /**
   * Rows carried as present
   */
  rows: number;
  /**
   * Rows carried as deleted
   */
  deletes: number;
  fromPosition: Position;
  toPosition: Position;
  /**
   * Steps applied to the payload, first to last; undone last to first
   */
  encoding: ("copy-text" | "json" | "brotli" | "hpke")[];
  payloadBytes: number;
  payloadDigest: string;
  /**
   * 64 zeros for the first batch
   */
  previousHash: string;
  createdAt: string;
  /**
   * base64
   */
  signature: string;
}
/**
 * 目录条目: what a department says of one information resource. Core metadata of GB/T 21063.3 (shortName in each description), the columns of 发改高技〔2017〕1272号, and the nine mandatory fields of 政务数据共享条例 art. 13. Codes, identifiers and dates of record are allocated by the platform and are not part of the content.
 */
export interface CatalogEntry {
  /**
   * 信息资源名称. resTitle
   */
  title: string;
  /**
   * 信息资源摘要. abstract
   */
  abstract: string;
  /**
   * 关键字. DescKeys.keyword
   *
   * @maxItems 100
   */
  keywords?: string[];
  /**
   * 词典名称. DescKeys.thesaName
   */
  thesaurus?: string;
  /**
   * 主题分类. TpCat with cateStd GB/T 21063.4 主题分类
   *
   * @minItems 1
   * @maxItems 10
   */
  themeCodes: string[];
  /**
   * 行业分类. TpCat with cateStd GB/T 4754
   *
   * @maxItems 10
   */
  industryCodes?: string[];
  /**
   * 信息资源分类(类/项). 类 and 项 of the 2017 guide, e.g. 101 基础/人口
   */
  guideCategory?: string;
  /**
   * 内部部门
   */
  internalDepartment?: string;
  /**
   * 元数据维护方. MdContact.rpOrgName
   */
  maintainer?: string;
  /**
   * 联系方式
   */
  contact?: string;
  /**
   * 信息资源格式
   */
  format: {
    /**
     * 格式分类. 1电子文件 2电子表格 3数据库 4图形图像 5流媒体 6自描述格式 7服务接口
     */
    class: "electronic-file" | "spreadsheet" | "database" | "image" | "media" | "self-described" | "service";
    /**
     * 格式类型
     *
     * @minItems 1
     * @maxItems 20
     */
    types: string[];
  };
  /**
   * 信息项
   *
   * @maxItems 500
   */
  items?: DataItem[];
  /**
   * 共享类型. 1无条件 2有条件 3不予
   */
  sharingType: "unconditional" | "conditional" | "refused";
  /**
   * 共享条件. Conditional: scope and purpose (条例 art. 15)
   */
  sharingCondition?: string;
  /**
   * 不予共享依据. Refused: the law, regulation or State Council basis (条例 art. 15)
   */
  refusalBasis?: string;
  /**
   * 共享方式. 条例 art. 22: 批量交换 服务接口 文件下载; offline media for isolated networks
   *
   * @minItems 1
   */
  sharingMethod: ("feed" | "query-service" | "file" | "offline-media")[];
  /**
   * 使用条件
   */
  useConditions?: string;
  /**
   * 须四部门审核. Requests also go to the four-office review body (informatisation, supervision, legal affairs, secrecy)
   */
  reviewBody?: boolean;
  /**
   * 是否向社会开放
   */
  open: boolean;
  /**
   * 开放条件
   */
  openCondition?: string;
  /**
   * 更新周期
   */
  updateCycle:
    "realtime" | "daily" | "weekly" | "monthly" | "quarterly" | "half-yearly" | "yearly" | "irregular" | "static";
  /**
   * 数据分级. The highest level of any item
   */
  sensitivity: "L1" | "L2" | "L3" | "L4";
  /**
   * 已作泄密风险评估. 条例 art. 12
   */
  secrecyRiskAssessed?: boolean;
  /**
   * 已作个人信息保护影响评估. 条例 art. 12, PIPL art. 55
   */
  personalInformationAssessed?: boolean;
  /**
   * 在线资源链接地址. onLineSrc
   *
   * @maxItems 20
   */
  onlineLinks?: string[];
  /**
   * 服务信息. ServInfo
   */
  service?: {
    url: string;
    type: string;
  };
  /**
   * 关联资源代码
   *
   * @maxItems 50
   */
  relatedCodes?: string[];
  /**
   * 来源资源代码. Codes of the entries this one is made from: the lineage
   *
   * @maxItems 50
   */
  derivedFrom?: string[];
  /**
   * 信息资源发布日期. pubDate, as the department states it
   */
  releasedOn?: string;
  /**
   * 来源标识. Where a harvested or imported entry came from: (source, key), stable across imports
   */
  sourceReference?: string;
}
/**
 * 信息项: one field of a catalog entry (发改高技〔2017〕1272号 信息项信息).
 */
export interface DataItem {
  /**
   * 信息项名称
   */
  name: string;
  /**
   * 英文短名. The column name used on the wire and in target tables; zt_ is reserved
   */
  field: string;
  /**
   * 数据类型. C字符 N数值 Y货币 D日期 T日期时间 L逻辑 M备注 G通用 B双精度 I整型 F浮点
   */
  type: "C" | "N" | "Y" | "D" | "T" | "L" | "M" | "G" | "B" | "I" | "F";
  /**
   * 长度. Characters for C; total digits for N and Y
   */
  length?: number;
  /**
   * 小数位. Digits after the decimal point for N and Y
   */
  scale?: number;
  /**
   * 是否必填
   */
  required?: boolean;
  /**
   * 是否主键. Part of the key that identifies a row
   */
  key?: boolean;
  /**
   * 代码集. Name of a code set known to standards/codes, e.g. GB/T 2261.1
   */
  codeSet?: string;
  /**
   * 格式. A checked format; check digits are verified
   */
  format?: "citizen-number" | "social-credit-code" | "organisation-code" | "region-code" | "phone" | "email";
  /**
   * 敏感级别. DB33/T 2351-2021: L4敏感 L3较敏感 L2低敏感 L1不敏感
   */
  sensitivity?: "L1" | "L2" | "L3" | "L4";
  /**
   * 是否个人信息
   */
  personal?: boolean;
  /**
   * 绑定数据元. Identifier of the bound data element
   */
  dataElement?: string;
  /**
   * 说明
   */
  definition?: string;
}
/**
 * 数据元 (GB/T 18391): name = object class + property + representation.
 */
export interface DataElement {
  /**
   * 标识符
   */
  identifier: string;
  /**
   * 名称
   */
  name: string;
  /**
   * 英文名
   */
  englishName?: string;
  /**
   * 定义
   */
  definition?: string;
  /**
   * 对象类词
   */
  objectClass: string;
  /**
   * 特性词
   */
  property: string;
  /**
   * 表示词
   */
  representation: string;
  /**
   * 数据类型
   */
  type: "C" | "N" | "Y" | "D" | "T" | "L" | "M" | "G" | "B" | "I" | "F";
  /**
   * 长度
   */
  length?: number;
  /**
   * 值域代码集
   */
  codeSet?: string;
  /**
   * 格式
   */
  format?: "citizen-number" | "social-credit-code" | "organisation-code" | "region-code" | "phone" | "email";
  /**
   * 同义名
   */
  synonyms?: string[];
  /**
   * 数源部门. Name of the organisation that is the one source (一数一源)
   */
  authority?: string;
  /**
   * 版本
   */
  version?: string;
  /**
   * 状态
   */
  status?: "draft" | "standard" | "retired";
}
/**
 * 授权: exactly what an approved request allows: which fields of which rows of which entry, to whom, for what, until when. Nodes and the gateway enforce it; every batch names its id and version.
 */
export interface Grant {
  id: string;
  /**
   * Rises with every change of scope or state
   */
  version: number;
  requestId: string;
  entryId: string;
  entryVersion: string;
  providerOrganisationId: string;
  consumerOrganisationId: string;
  applicationId?: string;
  legalBasis: string;
  purpose: string;
  action: "subscribe" | "query" | "read";
  deliveryMode: "feed" | "batch" | "query" | "file";
  /**
   * @minItems 1
   */
  fields: string[];
  /**
   * The entry's key fields; always among fields
   *
   * @minItems 1
   */
  keyFields: string[];
  rowCondition?: RowCondition;
  masks?: Masks;
  validFrom: string;
  validUntil: string;
  state: "active" | "suspended" | "revoking" | "revoked" | "expired";
  issuedAt: string;
  revokedAt?: string;
  revocationReason?: string;
}
export interface AllOf {
  /**
   * @minItems 1
   * @maxItems 20
   */
  all: RowCondition[];
}
export interface AnyOf {
  /**
   * @minItems 1
   * @maxItems 20
   */
  any: RowCondition[];
}
export interface Not {
  not: RowCondition;
}
export interface Comparison {
  field: string;
  op: "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "starts-with" | "is-null" | "is-not-null";
  value?: string | number | boolean;
  /**
   * @minItems 1
   * @maxItems 1000
   */
  values?: (string | number)[];
}
/**
 * 脱敏: field → rule, applied at the provider before a row leaves
 */
export interface Masks {
  [k: string]: "name" | "citizen-number" | "phone" | "account" | "address" | "birth-year" | "hash";
}
/**
 * 前置交换节点说明 (《共享前置环境建设规范》): what a node says of itself at enrolment and at each start.
 */
export interface NodeManifest {
  name: string;
  softwareVersion: string;
  protocolVersion: number;
  signatureSuite: "sha256-ed25519" | "sm3-sm2";
  /**
   * SPKI, base64; the key that signs requests and batches
   */
  publicKey: string;
  /**
   * X25519 raw public key, base64; batches are sealed to it
   */
  sealingPublicKey: string;
  capabilities: ("provide" | "subscribe")[];
  sources: {
    name: string;
    kind: "postgres-direct" | "postgres-bridge" | "file-drop";
    description?: string;
  }[];
}
/**
 * 机构: a department or other body that provides, manages or uses data (GB/T 21063.6 roles).
 */
export interface Organisation {
  /**
   * 机构名称. Full name
   */
  name: string;
  /**
   * 简称
   */
  shortName?: string;
  /**
   * 机构类别
   */
  kind: "department" | "city-data-office" | "review-office" | "district" | "association";
  /**
   * 行政区划代码. GB/T 2260
   */
  regionCode: string;
  /**
   * 统一社会信用代码. GB 32100
   */
  socialCreditCode?: string;
  /**
   * 部门顺序号. Segment 4-6 of the resource identifier prefix (GB/T 21063.5); allocated, never reused
   */
  departmentNumber?: number;
  /**
   * 上级机构
   */
  parentName?: string;
  /**
   * 地址
   */
  address?: string;
  /**
   * 联系方式
   */
  contact?: string;
}
/**
 * 共享申请 (政务数据共享条例 art. 20: 使用依据, 使用场景, 使用范围, 共享方式, 使用时限): what a department asks of another's entry.
 */
export interface SharingRequest {
  /**
   * 目录条目
   */
  entryId: string;
  /**
   * 使用应用. The application that will use the data; absent: the department itself
   */
  applicationId?: string;
  /**
   * 使用依据
   */
  legalBasis: string;
  /**
   * 使用目的
   */
  purpose: string;
  /**
   * 使用场景
   */
  scene: string;
  /**
   * 使用范围(信息项)
   *
   * @minItems 1
   * @maxItems 500
   */
  fields: string[];
  rowCondition?: RowCondition;
  masks?: Masks;
  /**
   * 共享方式
   */
  deliveryMode: "feed" | "batch" | "query" | "file";
  /**
   * 频率
   */
  frequency: "realtime" | "daily" | "weekly" | "monthly" | "once";
  /**
   * 使用起始日
   */
  validFrom?: string;
  /**
   * 使用时限
   */
  validUntil: string;
}
