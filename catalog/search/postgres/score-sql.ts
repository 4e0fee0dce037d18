import type { IndexSearchRequest, ScorePart } from "../catalog-index.ts";
import { fieldWeights, phraseValues, prefixTermWeight, scoreUnit, scoreWeights } from "../ranking.ts";
import { anyToken, prefixWithLabel, type SqlParts } from "./sql-parts.ts";

/** The parts of ranking.ts as SQL over a document `d`; each is a double precision between 0 and 1. */
export type ScoreSql = Record<ScorePart, string>;

/** ts_rank divides by this (π²/6) and by the number of tokens; with one position per token it is otherwise the sum of weights. */
const rankDivisor = 1.64493406685;

export function scoreSql(request: IndexSearchRequest, parts: SqlParts): ScoreSql {
  const { terms, required, today } = request;
  const all = required.length === terms.terms.length;
  const { key } = terms;
  const keySql = key === "" ? "" : parts.bind(key);
  const share = (column: string) => `${phraseValues.share} * ${key.length}::float8 / length(${column})`;
  return {
    text: terms.terms.length === 0 ? "0::float8" : textSql(request, parts),
    phrase:
      key === ""
        ? "0::float8"
        : `case when d.title_key = ${keySql} or d.pinyin_key = ${keySql} then ${phraseValues.equal}
           when starts_with(d.title_key, ${keySql}) then ${phraseValues.begins} + ${share("d.title_key")} when starts_with(d.pinyin_key, ${keySql}) then ${phraseValues.begins} + ${share("d.pinyin_key")}
           when strpos(d.title_key, ${keySql}) > 0 then ${phraseValues.contains} + ${share("d.title_key")} when strpos(d.pinyin_key, ${keySql}) > 0 then ${phraseValues.contains} + ${share("d.pinyin_key")} else 0 end::float8`,
    authority: "d.authority::float8",
    completeness: "d.completeness / 100.0::float8",
    use: "d.use::float8",
    recency: `power(0.5::float8, greatest(0, ${parts.bind(today)}::integer - d.updated_day) / 365.0::float8)`,
  };

  function textSql({ terms: { terms: found } }: IndexSearchRequest, { bind }: SqlParts): string {
    const tokens = [...new Set(found.flatMap((term) => term.rankTokens))];
    const prefixes = found.filter((term) => term.rankTokens.length === 0);
    const sums: string[] = [];
    if (tokens.length > 0) {
      const query = `${bind(anyToken(tokens))}::tsquery`;
      const rank = (weights: string, column: string) => `ts_rank('${weights}', ${column}, ${query})::float8 * ${rankDivisor * tokens.length}`;
      sums.push(rank(`{0,0,${fieldWeights.label - fieldWeights.body},${fieldWeights.title - fieldWeights.body}}`, "d.names"));
      // Where all terms are required, what is not in the names is in the body: its wide tokens need not be read.
      sums.push(all ? `${fieldWeights.body * tokens.length}` : rank(`{${fieldWeights.body},0,0,0}`, "d.tokens"));
    }
    for (const { text, anyOf } of prefixes) {
      const label = (letter: "A" | "B") => `d.names @@ ${bind(prefixWithLabel(text, letter))}::tsquery`;
      const sound = anyOf.length > 1 ? bind(text) : undefined;
      const present = all ? "" : ` when not d.tokens @@ ${bind(anyOf.map((one) => one.tokens.map((token) => `'${token}':*`).join(" & ")).join(" | "))}::tsquery then 0`;
      sums.push(
        `${prefixTermWeight} * case when ${label("A")}${sound ? ` or strpos(d.pinyin_key, ${sound}) > 0` : ""} then ${fieldWeights.title} when ${label("B")}${sound ? ` or strpos(d.initials_key, ${sound}) > 0` : ""} then ${fieldWeights.label}${present} else ${fieldWeights.body} end::float8`,
      );
    }
    return `least(1, (${sums.join(" + ")}) / ${tokens.length + prefixTermWeight * prefixes.length}::float8)`;
  }
}

/** The whole score in millionths: a number that every page computes alike. */
export function scoreValueSql(score: ScoreSql): string {
  const sum = Object.entries(scoreWeights).map(([part, weight]) => `${weight} * ${score[part as ScorePart]}`);
  return `round((${scoreUnit}::float8 * (${sum.join(" + ")}))::numeric)::integer`;
}
