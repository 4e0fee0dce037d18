import { asText } from "./cells.ts";
import type { Mapping } from "./mapping.ts";
import type { RowReader } from "./row-reader.ts";

/** Characters of `sourceReference` (catalog-entry schema). */
const longestReference = 500;

/** The id in an address: a query parameter, before or behind `#`, or the last part of the path. */
export function keyOfAddress(text: string, parameter: string | undefined): string | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return parameter === undefined ? text : undefined;
  const url = new URL(text);
  if (parameter !== undefined) return url.searchParams.get(parameter) ?? new URLSearchParams(url.hash.split("?")[1] ?? "").get(parameter) ?? undefined;
  const last = `${url.pathname}${url.hash}`.split(/[/#?]/).filter((part) => part !== "").at(-1);
  if (last === undefined) return undefined;
  try {
    return decodeURIComponent(last);
  } catch {
    // A stray per cent sign: the part as it stands is as good a key.
    return last;
  }
}

/**
 * Where the row came from, the same at every import: the source and the row's own id there. A source without ids has
 * no such key; its rows are then known by provider and title.
 */
export function readRemoteKey(reader: RowReader, mapping: Mapping): string | undefined {
  if (mapping.key === undefined) return undefined;
  const found = reader.first("sourceReference");
  const text = found === undefined ? "" : asText(found.value);
  const key = text === "" ? undefined : keyOfAddress(text, mapping.key.parameter);
  if (key === undefined || key === "") {
    reader.report("warning", "sourceReference", "/sourceReference", "key.missing", { en: "the row has no id at its source: it is known by provider and title only", zh: "来源中没有可用的唯一标识,只能按提供方和名称识别" }, text === "" ? undefined : text);
    return undefined;
  }
  const host = URL.canParse(text) && /^https?:/i.test(text) ? new URL(text).host : undefined;
  const reference = `${mapping.source ?? host ?? mapping.name}#${key}`;
  return reference.length <= longestReference ? reference : undefined;
}
