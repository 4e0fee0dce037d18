import type { FormatClass } from "../generated/values.ts";
import { plainWord } from "./normalised.ts";
import type { Normalised } from "./normalised.ts";

/** A format as the guide of 2017 has it: a class and a type within it. */
export interface ResourceFormat {
  readonly class: FormatClass;
  /** Lower case where it is a file's ending, else the product's own spelling. */
  readonly type: string;
}

const types: readonly (readonly [FormatClass, string])[] = [
  ["electronic-file", "ofd wps xml txt doc docx html pdf ppt pptx rtf json geojson zip rar 7z md"],
  ["spreadsheet", "et xls xlsx csv tsv ods"],
  [
    "database",
    "dm kingbasees access dbf dbase sybase oracle sqlserver db2 mysql mariadb postgresql sqlite gbase oceanbase",
  ],
  ["image", "jpg jpeg gif bmp png tif tiff svg"],
  ["media", "swf rm mpg mp4 avi mp3 wav wmv flv"],
  ["self-described", "rdf ttl shp kml kmz gml dwg dxf"],
  ["service", "api webservice wms wfs rest soap odata rss"],
];

const classOfType = new Map(types.flatMap(([formatClass, list]) => list.split(" ").map((type) => [type, formatClass])));

/** Other words: media types, endings written otherwise, general words. */
const synonyms: Readonly<Record<string, string>> = {
  excel: "xlsx",
  word: "docx",
  htm: "html",
  text: "txt",
  "text/csv": "csv",
  "text/html": "html",
  "text/plain": "txt",
  "text/xml": "xml",
  "application/json": "json",
  "application/xml": "xml",
  "application/pdf": "pdf",
  "application/zip": "zip",
  "application/rdf+xml": "rdf",
  "application/rss+xml": "rss",
  "application/vnd.ms-excel": "xls",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "application/msword": "doc",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/geo+json": "geojson",
  "image/jpeg": "jpg",
  "image/png": "png",
  接口: "api",
  服务接口: "api",
  数据接口: "api",
  接口服务: "api",
  webapi: "api",
  restapi: "api",
  金仓: "kingbasees",
  达梦: "dm",
  mssql: "sqlserver",
  postgres: "postgresql",
};

/** Words for a class, or for any file, that name no type: class, type written, and whether that is a guess. */
const classWords: Readonly<Record<string, readonly [FormatClass, string, boolean]>> = {
  电子文件: ["electronic-file", "其他", false],
  电子表格: ["spreadsheet", "其他", false],
  数据库: ["database", "其他", false],
  库表: ["database", "其他", false],
  图形图像: ["image", "其他", false],
  图片: ["image", "其他", false],
  流媒体: ["media", "其他", false],
  自描述格式: ["self-described", "其他", false],
  文件: ["electronic-file", "其他", true],
  file: ["electronic-file", "其他", true],
};

/** The format for what a catalog says: `CSV`, `.xlsx`, `text/csv`, `接口`, `数据库` … */
export const normaliseFormat = (text: string): Normalised<ResourceFormat> => {
  const word = plainWord(text)
    .replace(/^\./, "")
    .replace(/^[1-7](?=[\u4e00-\u9fff])/, "");
  const type = synonyms[word] ?? word;
  const formatClass = classOfType.get(type);
  if (formatClass !== undefined) return { value: { class: formatClass, type } };
  const general = classWords[word];
  if (general === undefined) return { unknown: text };
  const value = { class: general[0], type: general[1] };
  return general[2] ? { value, approximate: true } : { value };
};

/** Of several formats of one resource, the class that says most about how it can be used comes first. */
const classOrder: readonly FormatClass[] = [
  "database",
  "spreadsheet",
  "service",
  "self-described",
  "electronic-file",
  "image",
  "media",
];

export interface NormalisedFormats {
  /** Undefined when no word was known. */
  readonly format: { readonly class: FormatClass; readonly types: readonly string[] } | undefined;
  readonly unknown: readonly string[];
  readonly approximate: boolean;
}

/** The one format of an entry for a list of words: the foremost class among them, and every type. */
export const normaliseFormats = (texts: readonly string[]): NormalisedFormats => {
  const found: ResourceFormat[] = [];
  const unknown: string[] = [];
  let approximate = false;
  for (const text of texts) {
    const normalised = normaliseFormat(text);
    if ("unknown" in normalised) {
      if (text.trim() !== "") unknown.push(text);
      continue;
    }
    found.push(normalised.value);
    approximate ||= normalised.approximate === true;
  }
  const formatClass = classOrder.find((each) => found.some((format) => format.class === each));
  const format =
    formatClass === undefined
      ? undefined
      : { class: formatClass, types: [...new Set(found.map((each) => each.type))].slice(0, 20) };
  return { format, unknown, approximate };
};

/** How each class is written here, with its number in the guide. */
export const formatClassNames: {
  readonly [Class in FormatClass]: { readonly number: number; readonly zh: string; readonly en: string };
} = {
  "electronic-file": { number: 1, zh: "电子文件", en: "electronic file" },
  spreadsheet: { number: 2, zh: "电子表格", en: "spreadsheet" },
  database: { number: 3, zh: "数据库", en: "database" },
  image: { number: 4, zh: "图形图像", en: "image" },
  media: { number: 5, zh: "流媒体", en: "audio or video" },
  "self-described": { number: 6, zh: "自描述格式", en: "self-described format" },
  service: { number: 7, zh: "服务接口", en: "service" },
};
