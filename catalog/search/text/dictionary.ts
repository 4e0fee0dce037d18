import { readFileSync } from "node:fs";
import { InputError } from "#platform";
import { comparisonKey } from "./normalise.ts";

/** Words of government catalogs that jieba's own dictionary would cut apart. */
export function readBuiltInWords(): string[] {
  return readFileSync(new URL("dictionary.txt", import.meta.url), "utf8").split("\n").filter((word) => word !== "");
}

/**
 * A user's dictionary: one word a line, UTF-8, with anything after the first space ignored (so that files in jieba's
 * own form can be used); `#` begins a comment.
 */
export function readUserDictionary(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new InputError(`The dictionary ${path} cannot be read`, { zh: `无法读取用户词典 ${path}`, code: "dictionary.unreadable", nextStep: "Check the path, or leave the setting out.", cause });
  }
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trim().split(/\s/)[0]!)
    .filter((word) => word !== "" && !word.startsWith("#"));
}

/** Beginnings of institution names that are also said without them: 杭州市民政局 → 民政局. */
const institutionEnd = /(?:局|委|委员会|办公室|中心|厅|院|会|公司|银行|大学|学校|医院)$/;

/** The words by which an organisation is found: its name, and the name without the place in front. */
export function organisationWords(name: string, places: ReadonlySet<string>): string[] {
  const key = comparisonKey(name);
  const words = [key];
  for (let length = key.length - 2; length >= 2; length -= 1) {
    const place = key.slice(0, length);
    if (places.has(place) && institutionEnd.test(key)) {
      words.push(place, key.slice(length));
      break;
    }
  }
  return words;
}

/** Place names with and without their kind: 杭州市 and 杭州. */
export function placeWords(names: Iterable<string>): string[] {
  const words = new Set<string>();
  for (const name of names) {
    const key = comparisonKey(name);
    if (key.length < 2) continue;
    words.add(key);
    const bare = /^(.{2,})[省市区县]$/u.exec(key)?.[1];
    if (bare !== undefined) words.add(bare);
  }
  return [...words];
}
