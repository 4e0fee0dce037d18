import type { Mapping } from "./mapping.ts";

const bookkeeping = { en: "bookkeeping of the source", zh: "来源系统的管理字段" };

/** DCAT-US 1.1 `data.json`. `accessLevel` public / restricted public / non-public is openness to the public. */
export const dcatMapping: Mapping = {
  name: "dcat-us",
  title: { en: "DCAT-US data.json", zh: "DCAT-US 目录(data.json)" },
  portal: true,
  key: {},
  required: ["title", "openness", "sourceReference"],
  marks: ["accessLevel", "bureauCode", "publisher"],
  source: "dcat-us",
  fields: {
    title: ["title"], abstract: ["description"], keywords: ["keyword"], provider: ["publisher.name"], contact: ["contactPoint.fn"], openness: ["accessLevel"],
    sharingCondition: ["rights"], updateCycle: ["accrualPeriodicity"], formats: ["distribution[].format", "distribution[].mediaType"], themeCodes: ["theme"],
    onlineLinks: ["landingPage", "accessURL", "distribution[].downloadURL", "distribution[].accessURL"], releasedOn: ["issued"], sourceReference: ["identifier"],
  },
  unused: { "@type": bookkeeping, bureauCode: bookkeeping, programCode: bookkeeping, dataQuality: bookkeeping, language: bookkeeping, modified: { en: "when the data last changed", zh: "数据更新时间" } },
};

/** CKAN, as `package_search` or a dump gives it. What a CKAN lists is open, unless it is marked private. */
export const ckanMapping: Mapping = {
  name: "ckan",
  title: { en: "CKAN packages", zh: "CKAN 数据集" },
  portal: true,
  key: {},
  required: ["title", "sourceReference"],
  marks: ["metadata_created", "revision_id", "license_id", "resources"],
  source: "ckan",
  fields: {
    title: ["title"], abstract: ["notes"], keywords: ["tags"], provider: ["organization.title", "organization.name", "author"], contact: ["maintainer_email", "author_email", "maintainer"], openness: ["accessLevel", "access_level"],
    updateCycle: ["frequency", "update_frequency", "accrual_periodicity"], formats: ["resources[].format", "resources[].mimetype"], themeCodes: ["groups"], onlineLinks: ["url", "resources[].url"], releasedOn: ["metadata_created"], sourceReference: ["id", "name"],
  },
  defaults: { openness: "public" },
  unused: { revision_id: bookkeeping, index_id: bookkeeping, indexed_ts: bookkeeping, site_id: bookkeeping, entity_type: bookkeeping, state: bookkeeping, metadata_modified: { en: "when the data last changed", zh: "数据更新时间" } },
};

/** 臺南市's list of data sets: title, description and path, without a header and without a provider. */
export const tainanMapping: Mapping = {
  name: "tainan",
  title: { en: "data sets of Tainan (CSV without header)", zh: "臺南市資料集清單(无表头 CSV)" },
  portal: true,
  key: {},
  source: "data.tainan.gov.tw",
  required: ["title", "sourceReference"],
  headerless: ["資料集名稱", "資料集描述", "資料集路徑"],
  fitsHeaderless: (cells) => cells.length === 3 && cells[2]!.trim().startsWith("/dataset/"),
  fields: { title: ["資料集名稱"], abstract: ["資料集描述"], sourceReference: ["資料集路徑"], provider: ["提供機關"], openness: ["開放類型"], updateCycle: ["更新頻率"], formats: ["檔案格式"] },
  defaults: { openness: "public" },
};
