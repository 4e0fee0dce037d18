import { NotAllowedError, type Actor } from "#platform";
import type { BaseDatabases } from "../base-databases.ts";
import type { GoldenField, GoldenRecord, RivalValue } from "../record-store/golden.ts";

export interface FusionLine {
  zh: string;
  en: string;
}

/**
 * How one firm's or person's record came about, in sentences that a clerk can check: every basic value with its source,
 * every rival with what was done about it, every value that could not be used.
 */
export async function explainFusion(bases: Pick<BaseDatabases, "getGolden">, actor: Actor, base: GoldenRecord["base"], key: string): Promise<FusionLine[]> {
  const record = await bases.getGolden(actor, base, key);
  if (record.fields.some((field) => field.withheld)) throw new NotAllowedError("An explanation needs all values of the record", { zh: "需要查看该主记录全部内容的权限", code: "golden-record.see-all-fields.not-allowed", nextStep: "Ask the city data office." });
  const name = record.fields.find((field) => field.name === "name")?.value ?? record.key;
  return [
    { zh: `${name}(${record.key}):由 ${record.sources.length} 个来源融合:${record.sources.map((source) => source.title.zh).join("、")}`, en: `${name} (${record.key}): from ${record.sources.length} sources: ${record.sources.map((source) => source.title.en).join(", ")}` },
    ...record.fields.filter((field) => field.value !== undefined && (field.basic || field.rivals.length > 0)).flatMap(explainField),
    ...record.faults.map((fault): FusionLine => {
      const title = record.fields.find((field) => field.name === fault.field)?.title ?? { zh: fault.field, en: fault.field };
      return fault.rule === "unreadable"
        ? { zh: `  ${title.zh}:${fault.source.title.zh}填写的“${fault.value}”无法识别,已请其校核`, en: `  ${title.en}: "${fault.value}" of ${fault.source.title.en} cannot be read; correction requested` }
        : { zh: `  ${title.zh}:${fault.source.title.zh}填写的“${fault.value}”与号码所示“${fault.expected ?? ""}”不符,已请其校核`, en: `  ${title.en}: "${fault.value}" of ${fault.source.title.en} does not fit "${fault.expected ?? ""}" in the number; correction requested` };
    }),
  ];
}

function explainField(field: GoldenField): FusionLine[] {
  const shown = `${field.value!}${field.unit ?? ""}`;
  const short = shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
  const time = field.source?.time === undefined ? "" : ` ${field.source.time.slice(0, 10)}`;
  return [
    { zh: `  ${field.title.zh}:${short}(${field.source?.title.zh ?? ""}${time})`, en: `  ${field.title.en}: ${short} (${field.source?.title.en ?? ""}${time})` },
    ...field.rivals.map((rival): FusionLine => {
      const value = rival.value.length > 60 ? `${rival.value.slice(0, 60)}…` : rival.value;
      return { zh: `    与${rival.title.zh}的“${value}${field.unit ?? ""}”不一致:${outcome(rival).zh}`, en: `    differs from "${value}${field.unit ?? ""}" of ${rival.title.en}: ${outcome(rival).en}` };
    }),
  ];
}

function outcome(rival: RivalValue): FusionLine {
  if (!rival.contradiction) return { zh: "该项允许各部门不同,按权威顺序取值", en: "kept as a rival; the value of higher authority stands" };
  if (rival.contradiction.state === "closed") return { zh: "来源已更正", en: "the source has corrected it" };
  return { zh: `按权威顺序取值,已向其提出校核${rival.contradiction.correctionId === undefined ? "(待送达)" : ""}`, en: `the value of higher authority stands, and a correction was requested${rival.contradiction.correctionId === undefined ? " (to be delivered)" : ""}` };
}
