import type { SharingType } from "../generated/values.ts";
import { plainWord } from "./normalised.ts";
import type { Normalised } from "./normalised.ts";

/** Stems before 共享 or 开放; both families of words have the same three steps. */
const stems: readonly (readonly [SharingType, string])[] = [
  ["unconditional", "无条件 無條件 完全 普遍 全部 直接 主动 免费"],
  ["conditional", "有条件 有條件 依申请 依申請 申请 授权 受限 部分 协议 审批 登录"],
  ["refused", "不予 不 禁止 非 暂不 不能 不可 不宜"],
];

const english: readonly (readonly [SharingType, string])[] = [
  ["unconditional", "public open unconditional free anonymous"],
  ["conditional", "restrictedpublic restricted conditional registered onrequest"],
  ["refused", "non-public nonpublic closed private refused internal"],
];

const table: ReadonlyMap<string, SharingType> = new Map([
  ...english.flatMap(([type, list]) => list.split(" ").map((word) => [word, type] as const)),
  ...stems.flatMap(([type, list]) =>
    list
      .split(" ")
      .flatMap((stem) => [
        [stem, type] as const,
        ...["共享", "开放", "開放", "公开"].map((noun) => [stem + noun, type] as const),
      ]),
  ),
  ["1", "unconditional"],
  ["2", "conditional"],
  ["3", "refused"],
]);

const lookUp = (text: string): SharingType | undefined => {
  const word = plainWord(text);
  const core = word
    .replace(/^(?:共享类型|共享属性|共享方式|开放类型|开放条件|开放属性|开放状态)/, "")
    .replace(/^[123](?=[^0-9])/, "")
    .replace(/(?:类|类型)$/, "");
  return table.get(word) ?? table.get(core);
};

/** The sharing type for what a catalog says: 无条件共享, 2有条件, 不予共享类, restricted public … */
export const normaliseSharingType = (text: string): Normalised<SharingType> => {
  const type = lookUp(text);
  return type === undefined ? { unknown: text } : { value: type };
};

/** 是否向社会开放, and whether the opening has conditions. */
export interface Openness {
  readonly open: boolean;
  readonly conditional: boolean;
}

const yesOrNo: ReadonlyMap<string, SharingType> = new Map([
  ["是", "unconditional"],
  ["否", "refused"],
  ["0", "refused"],
  ["true", "unconditional"],
  ["false", "refused"],
]);

/** What an open-data portal says of an entry: 无条件开放, 有条件开放, 依申请开放, 不予开放, 是, 否 … */
export const normaliseOpenness = (text: string): Normalised<Openness> => {
  const type = yesOrNo.get(plainWord(text)) ?? lookUp(text);
  return type === undefined
    ? { unknown: text }
    : { value: { open: type !== "refused", conditional: type === "conditional" } };
};

/** How each sharing type is written here. */
export const sharingTypeNames: { readonly [Type in SharingType]: { readonly zh: string; readonly en: string } } = {
  unconditional: { zh: "无条件共享", en: "unconditional" },
  conditional: { zh: "有条件共享", en: "conditional" },
  refused: { zh: "不予共享", en: "refused" },
};
