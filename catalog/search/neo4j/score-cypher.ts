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

  function textCypher(): string {
    const tokens = [...new Set(terms.terms.flatMap((term) => term.rankTokens))];
    const prefixes = terms.terms.filter((term) => term.rankTokens.length === 0);
    const weigh = (title: string, label: string, present: string | undefined) =>
      `CASE WHEN ${title} THEN ${fieldWeights.title}.0 WHEN ${label} THEN ${fieldWeights.label}${present === undefined ? "" : ` WHEN NOT (${present}) THEN 0.0`} ELSE ${fieldWeights.body} END`;
    const sums = tokens.map((token) => {
      const asked = bind(` ${token} `);
      // Where all terms are required, what is not in the names is in the body: its wide text need not be read.
      return weigh(`d.titleTokens CONTAINS ${asked}`, `d.labelTokens CONTAINS ${asked}`, all ? undefined : `d.tokens CONTAINS ${asked}`);
    });
    for (const { text, anyOf } of prefixes) {
      const begins = bind(` ${text}`);
      const sound = anyOf.length > 1 ? bind(text) : undefined;
      const present = anyOf.map((one) => one.tokens.map((token) => `d.tokens CONTAINS ${bind(` ${token}`)}`).join(" AND ")).join(" OR ");
      sums.push(`${prefixTermWeight} * ${weigh(`d.titleTokens CONTAINS ${begins}${sound ? ` OR d.pinyinKey CONTAINS ${sound}` : ""}`, `d.labelTokens CONTAINS ${begins}${sound ? ` OR d.initialsKey CONTAINS ${sound}` : ""}`, all ? undefined : present)}`);
    }
    // Never above 1: each token has one best field.
    return `(${sums.join(" + ")}) / ${tokens.length + prefixTermWeight * prefixes.length}.0`;
  }
}

/** The whole score in millionths: a number that every page computes alike. */
export function scoreValueCypher(score: ScoreCypher): string {
  const sum = Object.entries(scoreWeights).map(([part, weight]) => `${weight} * ${score[part as ScorePart]}`);
  return `toInteger(round(${scoreUnit}.0 * (${sum.join(" + ")})))`;
}
