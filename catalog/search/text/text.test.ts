import fc from "fast-check";
import { expect, test } from "vitest";
import { readBuiltInWords } from "./dictionary.ts";
import { highlight, highlightSnippet } from "./highlights.ts";
import { normalise, normaliseWithOffsets, runsOf } from "./normalise.ts";
import { parseQuery, type QueryTerm } from "./query-terms.ts";
import { createTokeniser, type Tokeniser } from "./tokeniser.ts";

const tokeniser = createTokeniser({ words: [...readBuiltInWords(), "杭州市", "杭州", "上城区"] });

const matches = (term: QueryTerm, tokens: ReadonlySet<string>) => term.anyOf.some(({ tokens: wanted, prefix }) => wanted.every((token) => (prefix ? [...tokens].some((have) => have.startsWith(token)) : tokens.has(token))));
const tokensOf = (by: Tokeniser, text: string) => {
  const { tokens, sounds } = by.nameTokens(text);
  return new Set([...tokens, ...sounds]);
};
const finds = (query: string, text: string) => {
  const tokens = tokensOf(tokeniser, text);
  const { terms } = parseQuery(tokeniser, query);
  return terms.length > 0 && terms.every((term) => matches(term, tokens));
};
const shown = (segments: { text: string; hit: boolean }[]) => segments.map(({ text, hit }) => (hit ? `[${text}]` : text)).join("");

test("a word is found inside a longer one that was cut otherwise", () => {
  expect(finds("代码", "证券代码")).toBe(true);
  expect(finds("券代", "证券代码")).toBe(true);
  expect(finds("代码", "证券名称")).toBe(false);
});

test("an unknown place name is found by its whole and does not find its neighbours", () => {
  expect(finds("京州市", "京州市对口支援项目清单")).toBe(true);
  expect(finds("京州市", "杭州市停车场")).toBe(false);
});

test("a single character is found wherever it stands, at the end too", () => {
  expect(finds("税", "车船税")).toBe(true);
  expect(finds("税", "税源信息")).toBe(true);
  expect(finds("税", "车船")).toBe(false);
});

test("pinyin and initials find from the beginning of every word, also unfinished and inside dictionary words", () => {
  for (const query of ["renkou", "renkouji", "jichu", "rkjc", "jcxx", "xinx", "rk"]) expect([query, finds(query, "人口基础信息")]).toEqual([query, true]);
  expect(finds("daima", "统一社会信用代码")).toBe(true);
  expect(finds("chongqing", "重庆路政")).toBe(true);
  expect(finds("zhongqing", "重庆路政")).toBe(false);
});

test("full-width letters, capitals and parts of identifiers are the same as plain ones", () => {
  for (const query of ["gdp", "ＧＤＰ", "GD"]) expect(finds(query, "GDP及主要经济指标")).toBe(true);
  for (const query of ["id_card", "card", "idcardno"]) expect(finds(query, "id_card_no")).toBe(true);
  expect(finds("2023", "２０２３年统计")).toBe(true);
});

test("particles and words of asking do not hinder", () => {
  expect(parseQuery(tokeniser, "查我市的企业").terms.map((term) => term.text)).toEqual(["我市", "企业"]);
  expect(parseQuery(tokeniser, "人口和户籍").terms.map((term) => term.text)).toEqual(["人口", "户籍"]);
  expect(parseQuery(tokeniser, "?!,。").terms).toEqual([]);
});

test("words added later change how texts are cut but not the version, and lose nothing", () => {
  const growing = createTokeniser({ words: [] });
  const { version } = growing;
  const before = tokensOf(growing, "杭州市综合行政执法局名录");
  growing.addWords(["杭州市综合行政执法局"]);
  expect(growing.version).toBe(version);
  expect(growing.words("杭州市综合行政执法局名录")[0]).toBe("杭州市综合行政执法局");
  expect(parseQuery(growing, "杭州市综合行政执法局").terms.every((term) => matches(term, before))).toBe(true);
});

const chinese = fc.array(fc.constantFrom(..."人口基础信息企业法人登记证券代码社会保险金额的和市区县年月查询A1_b２".split("")), { minLength: 1, maxLength: 30 }).map((characters) => characters.join(""));

test("whatever is a part of a text, made of whole runs' characters, finds the text", () => {
  fc.assert(
    fc.property(chinese, fc.nat(), fc.nat(), (text, from, length) => {
      const han = runsOf(normalise(text)).filter((run) => run.kind === "han");
      fc.pre(han.length > 0);
      const run = [...han[from % han.length]!.text];
      const start = from % run.length;
      const part = run.slice(start, start + 1 + (length % (run.length - start))).join("");
      expect(finds(part, text)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("highlights put the original text together again and mark only what was asked for", () => {
  fc.assert(
    fc.property(fc.oneof(chinese, fc.string({ unit: "grapheme", maxLength: 60 })), chinese, (text, query) => {
      const segments = highlight(tokeniser, text, parseQuery(tokeniser, query).terms);
      expect(segments.map((segment) => segment.text).join("")).toBe(text);
    }),
    { numRuns: 300 },
  );
});

test("highlights show words, scattered pairs, pinyin, initials and full-width letters in the original's form", () => {
  const mark = (text: string, query: string) => shown(highlight(tokeniser, text, parseQuery(tokeniser, query).terms));
  expect(mark("证券代码与上市企业对照表", "代码 企业")).toBe("证券[代码]与上市[企业]对照表");
  expect(mark("人口基础信息", "renkouji")).toBe("[人口基]础信息");
  expect(mark("人口基础信息", "jcxx")).toBe("人口[基础信息]");
  expect(mark("ＧＤＰ及主要经济指标", "gdp")).toBe("[ＧＤＰ]及主要经济指标");
  expect(mark("<b>人口</b>", "人口")).toBe("<b>[人口]</b>");
});

test("a snippet stands around the first hit", () => {
  const text = `${"前文".repeat(100)}失业保险金${"后文".repeat(100)}`;
  const segments = highlightSnippet(tokeniser, text, parseQuery(tokeniser, "失业保险金").terms, 40);
  expect(shown(segments)).toContain("[失业保险金]");
  expect(segments[0]!.text).toBe("…");
  expect(segments.map((segment) => segment.text).join("").length).toBeLessThan(45);
});

test("offsets lead back to the original where one character becomes several", () => {
  const { text, offset } = normaliseWithOffsets("a㎡b");
  expect(text).toBe("am2b");
  expect([0, 1, 2, 3, 4].map(offset)).toEqual([0, 1, 1, 2, 3]);
});
