import type { IndexSearchRequest, ScorePart } from "../catalog-index.ts";
import { fieldWeights, phraseValues, prefixTermWeight, scoreUnit, scoreWeights } from "../ranking.ts";
import type { CypherParts } from "./visibility.ts";

/** The parts of ranking.ts as Cypher over an entry `d`; each is a float between 0 and 1. */
export type ScoreCypher = Record<ScorePart, string>;

export function scoreCypher({ terms, required, today }: IndexSearchRequest, { bind }: CypherParts): ScoreCypher {
  const all = required.length === terms.terms.length;
  const { key } = terms;
  return {
    text: terms.terms.length === 0 ? "0.0" : textCypher(),
    phrase: key === "" ? "0.0" : phraseCypher(),
    authority: "d.authority",
    completeness: "d.completeness / 100.0",
    use: "d.use",
    recency: `CASE WHEN d.updatedDay >= ${bind(BigInt(today))} THEN 1.0 ELSE 0.5 ^ ((${bind(BigInt(today))} - d.updatedDay) / 365.0) END`,
  };

  function phraseCypher(): string {
    const asked = bind(key);
    const share = (property: string) => `${phraseValues.share} * ${bind(BigInt([...key].length))} / size(${property})`;
    // A text without Latin letters or digits is in no pinyin that its title does not have as well.
    const sounds = /[a-z0-9]/.test(key);
    const either = (test: (property: string) => string, value: number) =>
      `WHEN ${test("d.titleKey")} THEN ${value} + ${share("d.titleKey")}${sounds ? ` WHEN ${test("d.pinyinKey")} THEN ${value} + ${share("d.pinyinKey")}` : ""}`;
    return `CASE WHEN d.titleKey = ${asked}${sounds ? ` OR d.pinyinKey = ${asked}` : ""} THEN ${phraseValues.equal}.0 ${either((property) => `${property} STARTS WITH ${asked}`, phraseValues.begins)} ${either((property) => `${property} CONTAINS ${asked}`, phraseValues.contains)} ELSE 0.0 END`;
  }

  /** Tokens come as lists, so that one statement, planned once, serves texts of any number of words. */
  function textCypher(): string {
    const tokens = [...new Set(terms.terms.flatMap((term) => term.rankTokens))];
    const prefixes = terms.terms.filter((term) => term.rankTokens.length === 0);
    const weigh = (title: string, label: string, present: string) =>
      `CASE WHEN ${title} THEN ${fieldWeights.title}.0 WHEN ${label} THEN ${fieldWeights.label}${all ? "" : ` WHEN NOT (${present}) THEN 0.0`} ELSE ${fieldWeights.body} END`;
    const sums: string[] = [];
    if (tokens.length > 0) {
      // Where all terms are required, what is not in the names is in the body: its wide text need not be read.
      sums.push(`reduce(sum = 0.0, one IN ${bind(tokens.map((token) => ` ${token} `))} | sum + ${weigh("d.titleTokens CONTAINS one", "d.labelTokens CONTAINS one", "d.tokens CONTAINS one")})`);
    }
    if (prefixes.length > 0) {
      const asked = prefixes.map(({ text, anyOf }) => ({ begins: ` ${text}`, ...(anyOf.length > 1 ? { sound: text } : {}), anyOf: anyOf.map(({ tokens: each }) => each.map((token) => ` ${token}`)) }));
      const title = "d.titleTokens CONTAINS one.begins OR coalesce(d.pinyinKey CONTAINS one.sound, false)";
      const label = "d.labelTokens CONTAINS one.begins OR coalesce(d.initialsKey CONTAINS one.sound, false)";
      const present = "any(match IN one.anyOf WHERE all(token IN match WHERE d.tokens CONTAINS token))";
      sums.push(`reduce(sum = 0.0, one IN ${bind(asked)} | sum + ${prefixTermWeight} * ${weigh(title, label, present)})`);
    }
    // Never above 1: each token has one best field.
    return `(${sums.join(" + ")}) / ${bind(tokens.length + prefixTermWeight * prefixes.length)}`;
  }
}

/** The whole score in millionths: a number that every page computes alike. */
export function scoreValueCypher(score: ScoreCypher): string {
  const sum = Object.entries(scoreWeights).map(([part, weight]) => `${weight} * ${score[part as ScorePart]}`);
  return `toInteger(round(${scoreUnit}.0 * (${sum.join(" + ")})))`;
}
