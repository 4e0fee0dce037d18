import { readFileSync } from "node:fs";
import { pinyin } from "pinyin-pro";
import { parse } from "yaml";
import { themeCodeOf, type CatalogEntry, type DataItem } from "#standards";

/**
 * The sample city as defined by the three YAML files beside this one: departments, what they list, and for each entry
 * the table behind it in the department's own database.
 */
export interface SampleDepartment {
  key: string;
  name: string;
  entries: SampleEntry[];
}

export interface SampleEntry {
  department: string;
  /** `household`, or the pinyin of the title for entries without a part in bases and checks. */
  table: string;
  mode: "postgres-direct" | "postgres-bridge" | "file-drop";
  updateTimeColumn?: string;
  /** Whether the generators of source-rows.ts write its table. */
  core: boolean;
  content: CatalogEntry;
}

interface ItemDefinition {
  field: string;
  type: DataItem["type"];
  length?: number;
  scale?: number;
  codeSet?: string;
  format?: DataItem["format"];
  sensitivity?: DataItem["sensitivity"];
  personal?: boolean;
  definition?: string;
}

interface CoreEntryDefinition {
  department: string;
  table: string;
  mode: SampleEntry["mode"];
  updateTimeColumn?: string;
  title: string;
  category: string;
  theme: string;
  cycle: CatalogEntry["updateCycle"];
  sharing: string;
  reviewBody?: boolean;
  items: string;
}

const read = <T>(name: string): T => parse(readFileSync(new URL(name, import.meta.url), "utf8")) as T;

/** Latin letters of a Chinese name, as a database identifier. */
function latin(text: string, longest: number): string {
  return pinyin(text.replaceAll(/[()()、]/g, ""), { toneType: "none", type: "array" }).join("_").toLowerCase().replaceAll(/[^a-z0-9_]/g, "").slice(0, longest).replace(/_$/, "");
}

function themeOf(theme: string): string {
  const code = themeCodeOf(theme);
  if (code === undefined) throw new Error(`"${theme}" is not in the theme classification`);
  return code;
}

const sharingTypes = { u: "unconditional", c: "conditional", r: "refused" } as const;

export function loadSampleCity(): SampleDepartment[] {
  const definitions = read<Record<string, ItemDefinition>>("items.yaml");
  const { departments } = read<{ departments: { key: string; name: string; entries: string }[] }>("departments.yaml");
  const core = read<CoreEntryDefinition[]>("core-entries.yaml");

  function itemsOf(text: string): DataItem[] {
    const used = new Set<string>();
    return text.split(",").map((part) => {
      const key = part.trim().endsWith("*");
      const name = part.trim().replace(/\*$/, "");
      const known = definitions[name];
      let field = known?.field ?? latin(name, 40);
      // Two items of one entry may share a meaning but not a column.
      for (let number = 2; used.has(field); number += 1) field = `${known?.field ?? latin(name, 40)}_${number}`;
      used.add(field);
      const guessed: ItemDefinition = known ?? guessItem(name, field);
      return { name, ...guessed, field, ...(key ? { key: true, required: true } : {}) };
    });
  }

  function contentOf(parts: { title: string; theme: string; cycle: CatalogEntry["updateCycle"]; sharing: string; items: string; category: string; department: string; mode: SampleEntry["mode"]; reviewBody?: boolean }): CatalogEntry {
    const items = itemsOf(parts.items);
    const sharingType = sharingTypes[parts.sharing as keyof typeof sharingTypes];
    const levels = items.map((item) => item.sensitivity ?? "L1").sort();
    const personal = items.some((item) => item.personal);
    const sensitivity = levels.at(-1)!;
    const open = sharingType === "unconditional" && !personal && sensitivity === "L1";
    return {
      title: parts.title,
      abstract: `${parts.department}在履行职责中采集的${parts.title},包括${items.map((item) => item.name).join("、")}等 ${items.length} 项。`,
      keywords: [...new Set([parts.title.replace(/(基本)?信息$/, ""), parts.theme.split("/")[1]!, parts.department.replace(/^市/, "")])],
      themeCodes: [themeOf(parts.theme)],
      guideCategory: parts.category,
      format: parts.mode === "file-drop" ? { class: "spreadsheet", types: ["csv"] } : { class: "database", types: ["postgresql"] },
      items,
      sharingType,
      ...(sharingType === "conditional" ? { sharingCondition: "用于履行法定职责,须说明使用依据、场景、范围和时限,不得用于其他目的。" } : {}),
      ...(sharingType === "refused" ? { refusalBasis: "涉及个人隐私或者重点监管对象,依照《中华人民共和国个人信息保护法》第三十四条,超出法定职责范围不予共享。" } : {}),
      sharingMethod: parts.mode === "file-drop" ? ["feed", "file"] : ["feed"],
      useConditions: "谁使用谁负责,用后按要求处置。",
      ...(parts.reviewBody ? { reviewBody: true } : {}),
      open,
      updateCycle: parts.cycle,
      sensitivity,
      secrecyRiskAssessed: true,
      ...(personal ? { personalInformationAssessed: true } : {}),
    };
  }

  return departments.map(({ key, name, entries }) => {
    const own = core.filter((entry) => entry.department === key).map((entry): SampleEntry => ({ department: key, table: entry.table, mode: entry.mode, core: true, ...(entry.updateTimeColumn === undefined ? {} : { updateTimeColumn: entry.updateTimeColumn }), content: contentOf({ ...entry, department: name }) }));
    const others = entries.trim().split("\n").map((line): SampleEntry => {
      const [title, theme, cycle, sharing, items] = line.split("|").map((part) => part.trim());
      if (!title || !theme || !cycle || !sharing || !items) throw new Error(`departments.yaml: the line "${line.trim()}" of ${key} does not have five parts`);
      return { department: key, table: latin(title, 50), mode: "postgres-direct", core: false, content: contentOf({ title, theme, cycle: cycle as CatalogEntry["updateCycle"], sharing, items, category: "307", department: name, mode: "postgres-direct" }) };
    });
    return { key, name, entries: [...own, ...others] };
  });
}

/** What a name says of its type, for items that stand in one entry only. */
function guessItem(name: string, field: string): ItemDefinition {
  if (/日期$|^有效期/.test(name)) return { field, type: "D" };
  if (/(金额|税额|造价|月薪|租金|地价|产值|销售额|总额|工资|资金|上限|下限|利率|出资额)/.test(name)) return { field, type: "N", length: 18, scale: 4 };
  if (/(人数|数量|户数|床位数|车位数|摊位数|成员数|病例数|编制数|人口数)$/.test(name)) return { field, type: "I" };
  if (/(面积|里程|长度米|埋深|平均分|指数)$/.test(name)) return { field, type: "N", length: 18, scale: 2 };
  if (/^(统一社会信用代码)$/.test(name)) return { field, type: "C", length: 18, format: "social-credit-code" };
  if (/月份$|统计期$/.test(name)) return { field, type: "C", length: 10 };
  return { field, type: "C", length: 60 };
}
