import type { StandardIssue } from "../issue.ts";
import { guideCategories } from "../codes/guide-categories.ts";
import { isCode } from "../codes/code-sets.ts";

/** 信息资源代码 of 发改高技〔2017〕1272号: 类 项 目 细目 `/` 顺序码. */
export interface EntryCode {
  /** 类: 1 base, 2 theme, 3 department. */
  readonly class: "1" | "2" | "3";
  /** 项: two digits. */
  readonly item: string;
  /** 目: three digits. */
  readonly section: string;
  /** 细目: any number of digits, may be empty. */
  readonly subsection: string;
  /** 顺序码, from 1. */
  readonly sequence: number;
}

export type EntryCodeVerdict =
  { readonly ok: true; readonly value: EntryCode } | { readonly ok: false; readonly issues: readonly StandardIssue[] };

const entryCodePattern = /^([123])([0-9]{2})([0-9]{3})([0-9]*)\/([0-9]+)$/;

/** Digits that a generated sequence number has at least; longer ones are written out. */
const sequenceDigits = 5;

export const isEntryCode = (text: string): boolean => entryCodePattern.test(text);

/** The parts of an entry code, or what is wrong with it. An unknown 项 is accepted: cities add their own. */
export const parseEntryCode = (text: string): EntryCodeVerdict => {
  const parts = entryCodePattern.exec(text);
  const sequence = Number(parts?.[5]);
  if (parts === null || !Number.isSafeInteger(sequence)) {
    return {
      ok: false,
      issues: [
        {
          code: "entry-code.form",
          message:
            "An entry code is class (1 digit, 1-3), item (2), section (3), subsection (any), a slash and a sequence number, e.g. 307001/00012.",
          zh: "信息资源代码应为：类(1位,1至3)、项(2位)、目(3位)、细目(不限)、“/”、顺序码，如 307001/00012。",
        },
      ],
    };
  }
  const [, entryClass, item = "", section = "", subsection = ""] = parts;
  return { ok: true, value: { class: entryClass as EntryCode["class"], item, section, subsection, sequence } };
};

/** Whether 类 and 项 of a code stand in the guide. */
export const isGuideCategory = (text: string): boolean => /^[123][0-9]{2}$/.test(text) && isCode(guideCategories, text);

/** 前段码: what stands before the slash, under which sequence numbers are given. */
export const formatEntryCodeFront = (code: Omit<EntryCode, "sequence">): string =>
  code.class + code.item + code.section + code.subsection;

/**
 * An entry code with at least 5 digits of sequence number.
 *
 * @throws RangeError when a part does not fit the grammar.
 */
export const formatEntryCode = (code: EntryCode): string => {
  if (!Number.isSafeInteger(code.sequence) || code.sequence < 1) {
    throw new RangeError(`the sequence number ${code.sequence} is not a whole number above 0`);
  }
  const text = `${formatEntryCodeFront(code)}/${String(code.sequence).padStart(sequenceDigits, "0")}`;
  if (!isEntryCode(text)) throw new RangeError(`${text} is not an entry code`);
  return text;
};

/**
 * The next free sequence number under a front, given the highest one ever used there, withdrawn entries included:
 * numbers are never used again.
 */
export const nextEntrySequence = (highestUsed: number | undefined): number => (highestUsed ?? 0) + 1;
