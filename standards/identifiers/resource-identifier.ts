import type { StandardIssue } from "../issue.ts";

/** 信息资源标识符 (GB/T 21063.5; segments as DB12/T 819.3-2018 gives them): prefix `/` postfix. */
export interface ResourceIdentifier {
  /** First two digits of GB/T 2260: 33 Zhejiang. */
  readonly province: string;
  /** `0` the province's own departments, `A`–`Z` without I and O an area below it. */
  readonly area: string;
  /** Department 001–999 (older identifiers write two digits). */
  readonly department: string;
  /** Given once by the prefix's owner: digits and capital letters. */
  readonly postfix: string;
}

export type ResourceIdentifierVerdict =
  | { readonly ok: true; readonly value: ResourceIdentifier }
  | { readonly ok: false; readonly issues: readonly StandardIssue[] };

/** What is accepted: the standard's own example has a prefix of five characters. */
const resourceIdentifierPattern = /^([0-9]{2})([0-9A-HJ-NP-Z])([0-9]{2,3})\/([0-9A-Z]+)$/;

export const isResourceIdentifier = (text: string): boolean => resourceIdentifierPattern.test(text);

export const parseResourceIdentifier = (text: string): ResourceIdentifierVerdict => {
  const parts = resourceIdentifierPattern.exec(text);
  if (parts === null) {
    return {
      ok: false,
      issues: [
        {
          code: "resource-identifier.form",
          message:
            "A resource identifier is two digits (province), 0 or a letter but I and O (area), two or three digits (department), a slash, and digits and capital letters, e.g. 33A001/00000001.",
          zh: "信息资源标识符应为：2位数字(省)、0或除I、O外的大写字母(地区)、2至3位数字(部门)、“/”、数字和大写字母，如 33A001/00000001。",
        },
      ],
    };
  }
  const [, province = "", area = "", department = "", postfix = ""] = parts;
  return { ok: true, value: { province, area, department, postfix } };
};

export interface ResourcePrefixOptions {
  /** Default `33`, Zhejiang. */
  readonly province?: string;
  /** Default `A`: the letter for Hangzhou is not published. */
  readonly area?: string;
  /** 1–999. */
  readonly departmentNumber: number;
}

/**
 * The six characters before the slash.
 *
 * @throws RangeError when a part does not fit the grammar.
 */
export const formatResourcePrefix = ({
  province = "33",
  area = "A",
  departmentNumber,
}: ResourcePrefixOptions): string => {
  if (!Number.isInteger(departmentNumber) || departmentNumber < 1 || departmentNumber > 999) {
    throw new RangeError(`the department number ${departmentNumber} is not a whole number from 1 to 999`);
  }
  const prefix = province + area + String(departmentNumber).padStart(3, "0");
  if (!/^[0-9]{2}[0-9A-HJ-NP-Z][0-9]{3}$/.test(prefix)) throw new RangeError(`${prefix} is not an identifier prefix`);
  return prefix;
};

/** Digits of a generated postfix. */
const postfixDigits = 8;

/**
 * A resource identifier from its prefix and the running number under it.
 *
 * @throws RangeError when a part does not fit the grammar.
 */
export const formatResourceIdentifier = (prefix: string, number: number): string => {
  if (!Number.isSafeInteger(number) || number < 1) throw new RangeError(`${number} is not a whole number above 0`);
  const text = `${prefix}/${String(number).padStart(postfixDigits, "0")}`;
  if (!isResourceIdentifier(text)) throw new RangeError(`${text} is not a resource identifier`);
  return text;
};

/** 元数据标识符 (GB/T 21063.3 element 10): letters, digits, `_-./,` and space; unique; made by the system. */
export const isMetadataIdentifier = (text: string): boolean => /^[A-Za-z0-9_\-./, ]{1,200}$/.test(text.trim());

/** The metadata identifier of a version of an entry: its resource identifier and the version. */
export const formatMetadataIdentifier = (resourceIdentifier: string, version: string): string =>
  `MD-${resourceIdentifier}-${version}`;
