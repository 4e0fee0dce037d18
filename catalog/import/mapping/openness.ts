import { normaliseOpenness, normaliseSharingType, type SharingType } from "#standards";
import { reportUnknown, type Draft } from "./members.ts";
import type { Mapping } from "./mapping.ts";
import type { RowReader } from "./row-reader.ts";
import { accepted } from "./words.ts";

/**
 * How an entry is shared and opened, and what follows from it.
 *
 * An open-data portal states how an entry is open to the public, not how departments share it. What anybody may have,
 * departments may have; so: 无条件开放 → open, shared unconditionally; 有条件开放 and 依申请开放 → open and shared under
 * the condition that is stated; 不予开放 → not open and, until somebody says otherwise, not shared. These rules are
 * counted and stand in the report.
 */
export function readSharing(reader: RowReader, mapping: Mapping, draft: Draft): void {
  readSharingType(reader, draft);
  if (reader.has("openness") && draft.sharingType === undefined) readOpenness(reader, draft);
  else if (draft.sharingType === undefined && !hasError(reader)) {
    reader.report("error", "sharingType", "/sharingType", "value.missing", { en: "the sharing type is missing", zh: "缺少共享类型" });
  }
  if (draft.open === undefined && draft.sharingType !== undefined && !reader.has("openness")) {
    draft.open = false;
    reader.applyRule("open.not-stated", { en: "Whether it is open to the public is not stated: taken as not open", zh: "未注明是否向社会开放,按不开放处理" });
  }
  if (!reader.exact) settleConditions(reader, draft);
  settleSensitivity(reader, draft);
  settleMethods(reader, mapping, draft);
}

/** A sharing type that stands there and is not understood was reported by `readSharingType`. */
const hasError = (reader: RowReader): boolean => reader.text("sharingType") !== undefined;

function readSharingType(reader: RowReader, draft: Draft): void {
  const found = reader.text("sharingType");
  if (found === undefined) return;
  const type = normaliseSharingType(found.text);
  if ("unknown" in type) reportUnknown(reader, "error", "sharingType", "/sharingType", found.text, accepted.sharingType);
  else draft.sharingType = type.value;
}

function readOpenness(reader: RowReader, draft: Draft): void {
  const found = reader.text("openness");
  if (found === undefined) return reader.report("error", "openness", "/open", "value.missing", { en: "how it is open to the public is missing", zh: "缺少开放类型" });
  const openness = normaliseOpenness(found.text);
  if ("unknown" in openness) return reportUnknown(reader, "error", "openness", "/open", found.text, accepted.openness);
  const { open, conditional } = openness.value;
  draft.open = open;
  draft.sharingType = !open ? "refused" : conditional ? "conditional" : "unconditional";
  if (!open) return reader.applyRule("openness.refused", { en: "Not open to the public → not open, 不予共享 until the department says otherwise", zh: "不予开放 → 不向社会开放,共享类型暂按“不予共享”,由部门确认" });
  if (!conditional) return reader.applyRule("openness.unconditional", { en: "Open without condition → open to the public, 无条件共享", zh: "无条件开放 → 向社会开放,无条件共享" });
  reader.applyRule("openness.conditional", { en: "Open under a condition or on application → open with the condition, 有条件共享 under the same condition", zh: "有条件开放(依申请开放)→ 附条件向社会开放,按同一条件有条件共享" });
  const condition = draft.openCondition ?? draft.sharingCondition ?? draft.useConditions;
  if (condition === undefined) {
    reader.report("warning", "openness", "/sharingCondition", "condition.only-word", { en: `the source says only "${found.text}": write out the scope and purpose before submission`, zh: `来源只写“${found.text}”,提交前须补写共享范围和用途` }, found.text);
  }
  draft.openCondition ??= condition ?? found.text;
  draft.sharingCondition ??= condition ?? found.text;
}

const isPlaceholder = (text: string | undefined): boolean => text === undefined || /^(无|无条件(共享|开放)?|-|—|\/)$/.test(text.trim());

/** A condition written beside another type is a refusal's basis, or the word for "none". */
function settleConditions(reader: RowReader, draft: Draft): void {
  if (draft.sharingType === "unconditional" && draft.sharingCondition !== undefined && isPlaceholder(draft.sharingCondition)) delete draft.sharingCondition;
  if (draft.sharingType === "refused" && draft.refusalBasis === undefined && draft.sharingCondition !== undefined) {
    if (!isPlaceholder(draft.sharingCondition)) draft.refusalBasis = draft.sharingCondition;
    delete draft.sharingCondition;
    reader.applyRule("refusal.basis", { en: "共享条件 of 不予共享 is the basis of the refusal (发改高技〔2017〕1272号)", zh: "“不予共享”的共享条件列为不予共享依据(发改高技〔2017〕1272号)" });
  }
  if (draft.open === false && draft.openCondition !== undefined && isPlaceholder(draft.openCondition)) delete draft.openCondition;
}

/** DB33/T 2351-2021 grades by who may have the data; where nobody graded, the level follows from that. */
function settleSensitivity(reader: RowReader, draft: Draft): void {
  if (draft.sensitivity !== undefined || draft.sharingType === undefined || draft.open === undefined || reader.text("sensitivity") !== undefined) return;
  const levels: Record<SharingType, "L1" | "L2" | "L3" | "L4"> = draft.open ? { unconditional: "L1", conditional: "L2", refused: "L4" } : { unconditional: "L2", conditional: "L3", refused: "L4" };
  const itemLevel = (draft.items ?? []).map((item) => item.sensitivity ?? "L1").reduce((highest, level) => (level > highest ? level : highest), "L1" as "L1" | "L2" | "L3" | "L4");
  const derived = levels[draft.sharingType];
  draft.sensitivity = itemLevel > derived ? itemLevel : derived;
  const why = { L1: { en: "open without condition", zh: "无条件开放" }, L2: { en: "open under a condition, or shared unconditionally", zh: "有条件开放或无条件共享" }, L3: { en: "shared under a condition", zh: "有条件共享" }, L4: { en: "not shared", zh: "不予共享" } }[draft.sensitivity];
  reader.applyRule(`sensitivity.${draft.sensitivity}`, { en: `The data level is not stated; ${why.en} → ${draft.sensitivity} for now, to be confirmed by the department`, zh: `未注明数据分级;${why.zh} → 暂定 ${draft.sensitivity},由部门确认` });
}

function settleMethods(reader: RowReader, mapping: Mapping, draft: Draft): void {
  if (!mapping.portal || draft.sharingMethod !== undefined || draft.format === undefined) return;
  const service = draft.format.class === "service";
  draft.sharingMethod = [service ? "query-service" : "file"];
  reader.applyRule(service ? "method.service" : "method.file", service ? { en: "Given as an interface → shared as 服务接口", zh: "格式为接口 → 共享方式为服务接口" } : { en: "Given as files → shared as 文件下载", zh: "格式为文件 → 共享方式为文件下载" });
}
