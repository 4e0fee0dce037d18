import type { ImportIssue } from "./model.ts";

export interface Advice {
  en: string;
  zh: string;
}

const advice: Readonly<Record<string, Advice>> = {
  "value.missing": { en: "Fill in the cell, or give one value for all such rows (--default member=value).", zh: "补填该单元格,或用 --default 为这些行统一指定。" },
  "value.unknown": { en: "Write one of the accepted values.", zh: "改填说明中列出的可填值。" },
  "value.of-another-column": { en: "Compare the row with the header and move the values to their columns.", zh: "对照表头,把取值移回各自的列。" },
  "row.shifted": { en: "Compare the row with the header and move the values to their columns.", zh: "对照表头,把取值移回各自的列。" },
  "row.extra-cells": { en: "Put quotation marks around values that hold the separator.", zh: "给含有分隔符的值加上引号。" },
  "row.missing-cells": { en: "Complete the row to as many columns as the header has.", zh: "把本行补齐到与表头相同的列数。" },
  "text.cut": { en: "Shorten the text at its source and import again.", zh: "在来源中缩短文字后重新导入。" },
  "list.cut": { en: "Shorten the list at its source and import again.", zh: "在来源中精简后重新导入。" },
  "key.missing": { en: "Add the id or the address of its details page, so that later imports know it again.", zh: "补填来源标识或详情页网址,以便以后的导入能识别同一条目。" },
  "organisation.unknown": { en: "Correct the name, have the organisation registered, or let it be created (--create-organisations).", zh: "更正名称、请主管部门登记该机构,或使用 --create-organisations 新建。" },
  "organisation.ambiguous": { en: "Write the full name or the unified social credit code.", zh: "填写机构全称或统一社会信用代码。" },
  "organisation.closed": { en: "Name the organisation that took over its duties.", zh: "改填承接其职责的机构。" },
  "organisation.not-allowed": { en: "Have that department's cataloguer or the city reviewer import the row.", zh: "请该部门编目员或市级审核人员导入本行。" },
  "organisation.moved": { en: "Withdraw the entry of the former department, then import again.", zh: "先注销原部门的条目,再重新导入。" },
  "organisation.overridden": { en: "Nothing, if that is meant; otherwise import without --organisation.", zh: "如属有意则无需处理;否则去掉 --organisation 重新导入。" },
  "organisation.doubtful": { en: "Check the provider before submission.", zh: "提交前核对提供方。" },
  "organisation.invalid": { en: "Correct the provider's name in the file.", zh: "在文件中更正提供方名称。" },
  "duplicate.key": { en: "Delete one of the two rows, or give it another title or id.", zh: "删除其中一行,或改用不同的名称或标识。" },
  "duplicate.title": { en: "Rename one of them before submission.", zh: "提交前改名。" },
  "catalog.duplicate-title": { en: "Rename or merge one of them before submission.", zh: "提交前改名或合并。" },
  "condition.only-word": { en: "Write the scope and purpose of use before submission.", zh: "提交前写明共享范围和用途。" },
  gap: { en: "Fill it in before submission.", zh: "提交前补填。" },
  "entry.not-draft": { en: "Published: open a change request. Under review: take the submission back first.", zh: "已发布的请提出变更;审核中的请先撤回。" },
  "entry.source-twice": { en: "Delete one of the two rows.", zh: "删除其中一行。" },
};

const content: Advice = { en: "Put right what is named and import again.", zh: "按说明更正后重新导入。" };

/** What to do about a finding; nothing for a note. */
export function adviceFor({ code, severity }: Pick<ImportIssue, "code" | "severity">): Advice | undefined {
  return severity === "note" ? undefined : (advice[code] ?? (severity === "error" ? content : undefined));
}
