import { createHash } from "node:crypto";
import { Jieba } from "@node-rs/jieba";
import { dict } from "@node-rs/jieba/dict.js";
import { pinyin } from "pinyin-pro";
import { normalise, runsOf } from "./normalise.ts";

/**
 * Tokens for finding, the same for documents and queries and the same in every index engine.
 *
 * - `证券`, `券代`, `代码`: every pair of neighbouring Han characters. A query word is found as its pairs, so whatever
 *   contains it is found however either text was cut: 代码 finds 证券代码, and an unknown place name is never lost.
 * - a Han run's last character alone, so that each character begins some token and one character can be asked for by
 *   prefix.
 * - jieba's words of three characters and more: they let the whole word rank above its scattered pairs.
 * - Latin words and numbers; identifiers such as `id_card_no` by their parts and joined.
 * - `~renkouxinxi`: full pinyin from each word's beginning to the end of the run, asked for by prefix: renkou, renkouji, xinxi.
 * - `^rkxx`: the initials likewise.
 */
export interface Tokeniser {
  /** Changes when rules or dictionary change: an index says with which it was built. */
  readonly version: string;
  /**
   * Names that come and go with the records (organisations). They are not part of the version: nothing is lost when a
   * document was indexed before its organisation's name was known, because pairs find it.
   */
  addWords(words: Iterable<string>): void;
  /** Of what names an entry (title, keywords, organisation): with words, and with pinyin and initials as `sounds`. */
  nameTokens(text: string): NameTokens;
  /** Of what describes it: pairs and Latin words only, ranking does not look closer. */
  textTokens(text: string): readonly string[];
  /** A Han run cut into words with the dictionary. */
  words(hanRun: string): string[];
  /** The shorter words inside a word, itself left out: 人口基础信息 → 人口 基础 信息. */
  innerWords(hanWord: string): string[];
  /** Full pinyin without tones or spaces, by which titles are sorted as people expect. */
  pinyinKey(text: string): string;
  /** First letters of the syllables, Latin as it is: 人口GDP → rkgdp. */
  initialsKey(text: string): string;
  /** Syllable of each character of a Han run. */
  syllables(hanRun: string): string[];
}

export interface NameTokens {
  tokens: readonly string[];
  sounds: readonly string[];
}

export interface CreateTokeniserOptions {
  /** Domain words, place and organisation names; later ones add to earlier ones. */
  words: Iterable<string>;
}

/** Raised when the rules below change, so that an index built by older ones is known. */
const rules = 1;
export const pinyinMark = "~";
export const initialsMark = "^";
/** Longest pinyin and initials kept and asked for; longer prefixes are cut to it on both sides. */
export const longestPinyin = 24;
export const longestInitials = 12;
const longestLatin = 40;
/** High enough that a dictionary word always beats its parts. */
const wordFrequency = 1_000_000;
const cacheSize = 50_000;
const longestCached = 40;
// No surrogates: characters and units are the same.
const isBasic = /^[^\ud800-\udfff]*$/;

const isHan = /^[\p{Script=Han}々〇]+$/u;

export function createTokeniser({ words: dictionaryWords }: CreateTokeniserOptions): Tokeniser {
  const jieba = Jieba.withDict(dict);
  const known = new Set<string>();
  function load(words: Iterable<string>): string[] {
    const added = [...new Set([...words].map(normalise))].filter((word) => word.length >= 2 && word.length <= 40 && isHan.test(word) && !known.has(word)).sort();
    for (const word of added) known.add(word);
    if (added.length > 0) jieba.loadDict(Buffer.from(added.map((word) => `${word} ${wordFrequency} n`).join("\n")));
    return added;
  }
  const own = load(dictionaryWords);
  const version = `${rules}-${createHash("sha256").update(own.join("\n")).digest("hex").slice(0, 12)}`;

  const syllableCache = createCache<string[]>();
  const textCache = createCache<string[]>();
  // What depends on how words are cut; begun again when words are added.
  const newCaches = () => ({ cut: createCache<string[]>(), names: createCache<NameTokens>(), keys: createCache<{ pinyin: string; initials: string }>() });
  let caches = newCaches();

  function syllables(hanWord: string): string[] {
    return syllableCache(hanWord, () => {
      const found = pinyin(hanWord, { toneType: "none", type: "array", v: true }).map((syllable) => syllable.toLowerCase());
      // Characters outside the basic plane may be counted differently: then each is asked for alone.
      const characters = [...hanWord];
      return found.length === characters.length ? found : characters.map((character) => pinyin(character, { toneType: "none", v: true }).toLowerCase());
    });
  }

  const cut = (run: string) => (run.length <= 1 ? [run] : caches.cut(run, () => jieba.cut(run, true)));

  function addPairs(into: Set<string>, run: string): void {
    const characters = isBasic.test(run) ? run : [...run];
    for (let at = 0; at + 1 < characters.length; at += 1) into.add(characters[at]! + characters[at + 1]!);
    into.add(characters[characters.length - 1]!);
  }

  const innerWords = (word: string) => ([...word].length < 4 ? [] : jieba.cutForSearch(word, true).filter((inner) => inner.length >= 2 && inner !== word));

  function addPinyinTokens(into: Set<string>, words: readonly string[]): void {
    let full = "";
    let initials = "";
    for (const word of words.toReversed()) {
      const parts = syllables(word);
      const starts = new Set(innerWords(word).map((inner) => charactersIn(word.slice(0, word.indexOf(inner))))).add(0);
      for (let at = parts.length - 1; at >= 0; at -= 1) {
        full = (parts[at]! + full).slice(0, longestPinyin);
        initials = ((parts[at]![0] ?? "") + initials).slice(0, longestInitials);
        if (!starts.has(at)) continue;
        into.add(pinyinMark + full);
        if (initials.length >= 2) into.add(initialsMark + initials);
      }
    }
  }

  function makeName(text: string): NameTokens {
    const tokens = new Set<string>();
    const sounds = new Set<string>();
    for (const run of runsOf(normalise(text))) {
      if (run.kind === "latin") for (const token of latinTokens(run.text)) tokens.add(token);
      else {
        addPairs(tokens, run.text);
        const words = cut(run.text);
        for (const word of words) if (word.length >= 3) tokens.add(word);
        addPinyinTokens(sounds, words);
      }
    }
    return { tokens: [...tokens], sounds: [...sounds] };
  }

  function makeText(text: string): string[] {
    const tokens = new Set<string>();
    for (const run of runsOf(normalise(text))) {
      if (run.kind === "latin") for (const token of latinTokens(run.text)) tokens.add(token);
      else addPairs(tokens, run.text);
    }
    return [...tokens];
  }

  const keys = (text: string) =>
    caches.keys(text, () => {
      const parts = runsOf(normalise(text)).flatMap((run) => (run.kind === "latin" ? [[run.text, run.text] as const] : cut(run.text).flatMap(syllables).map((syllable) => [syllable, syllable[0] ?? ""] as const)));
      return { pinyin: parts.map(([full]) => full).join(""), initials: parts.map(([, initial]) => initial).join("") };
    });

  return {
    version,
    addWords(words) {
      if (load(words).length > 0) caches = newCaches();
    },
    // Long texts do not repeat; names of items, keywords and organisations do.
    nameTokens: (text) => (text.length > longestCached ? makeName(text) : caches.names(text, () => makeName(text))),
    textTokens: (text) => (text.length > longestCached ? makeText(text) : textCache(text, () => makeText(text))),
    words: cut,
    innerWords,
    syllables: (run) => cut(run).flatMap(syllables),
    pinyinKey: (text) => keys(text).pinyin,
    initialsKey: (text) => keys(text).initials,
  };
}

const charactersIn = (text: string) => Array.from(text).length;

/** `id_card_no` → id, card, no, idcardno; `gdp` → gdp. */
export function latinTokens(run: string): string[] {
  const parts = run.split("_").filter((part) => part !== "").map((part) => part.slice(0, longestLatin));
  return parts.length === 1 ? parts : [...new Set([...parts, parts.join("").slice(0, longestLatin)])];
}

/** Keeps what was asked for most recently; a full generation is dropped at once, which is cheap and bounded. */
export function createCache<Value>(): (key: string, make: () => Value) => Value {
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();
  return (key, make) => {
    const found = young.get(key);
    if (found !== undefined) return found;
    const value = old.get(key) ?? make();
    young.set(key, value);
    if (young.size >= cacheSize) {
      old = young;
      young = new Map();
    }
    return value;
  };
}
