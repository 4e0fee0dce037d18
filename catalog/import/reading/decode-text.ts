import iconv from "iconv-lite";
import jschardet from "jschardet";
import { UnreadableError } from "./limits.ts";

export interface DecodedText {
  text: string;
  encoding: string;
}

const strictUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Not UTF-8: TextDecoder says so by throwing.
    return undefined;
  }
};

/** Share of characters that Chinese catalogs are written in: tells Big5 and GB18030 apart, which both decode almost anything. */
function plausibility(text: string): number {
  const sample = text.slice(0, 200_000);
  let good = 0;
  let all = 0;
  for (const character of sample) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) {
      if (code < 0x20 && code !== 9 && code !== 10 && code !== 13) all += 1;
      continue;
    }
    all += 1;
    if ((code >= 0x4e00 && code <= 0x9fa5) || (code >= 0x3000 && code <= 0x301f) || (code >= 0xff00 && code <= 0xff5e) || (code >= 0x2010 && code <= 0x2026)) good += 1;
  }
  return all === 0 ? 1 : good / all;
}

/** The commonest characters of Chinese prose and catalogs, simplified and traditional. */
const common = new Set("的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严龙飞資訊數據開放環境臺南學校產業機關單位區縣會員");

function commonShare(text: string): number {
  const sample = text.slice(0, 200_000);
  let found = 0;
  let han = 0;
  for (const character of sample) {
    const code = character.codePointAt(0)!;
    if (code < 0x4e00 || code > 0x9fff) continue;
    han += 1;
    if (common.has(character)) found += 1;
  }
  return han === 0 ? 0 : found / han;
}

/**
 * The text of a file: a byte-order mark decides; then UTF-8, if every byte fits it; then GB18030 or Big5, whichever
 * gives the likelier Chinese. jschardet alone takes short GB18030 files for anything from TIS-620 to IBM855, so it only
 * breaks a tie.
 */
export function decodeText(bytes: Uint8Array, fileName: string): DecodedText {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    const text = strictUtf8(bytes.subarray(3));
    if (text !== undefined) return { text, encoding: "UTF-8 (BOM)" };
    throw undecodable(fileName, "it begins as UTF-8 and then is not");
  }
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { text: new TextDecoder("utf-16le").decode(bytes.subarray(2)), encoding: "UTF-16LE" };
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { text: new TextDecoder("utf-16be").decode(bytes.subarray(2)), encoding: "UTF-16BE" };
  const utf8 = strictUtf8(bytes);
  if (utf8 !== undefined) {
    if (utf8.includes("\0")) throw undecodable(fileName, "it holds zero bytes: it is not a text file");
    return { text: utf8, encoding: "UTF-8" };
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const candidates = (["gb18030", "big5"] as const)
    .map((encoding) => ({ encoding, text: iconv.decode(buffer, encoding) }))
    .map((candidate) => ({ ...candidate, broken: candidate.text.includes("\ufffd"), score: plausibility(candidate.text) + commonShare(candidate.text) }))
    .filter((candidate) => !candidate.text.includes("\0"))
    .sort((left, right) => Number(left.broken) - Number(right.broken) || right.score - left.score || (jschardet.detect(buffer.subarray(0, 65_536)).encoding?.toLowerCase() === right.encoding ? 1 : 0));
  const best = candidates[0];
  if (best === undefined || best.score < 0.5) throw undecodable(fileName, "neither UTF-8 nor GB18030 nor Big5 makes sense of it");
  if (best.broken) throw undecodable(fileName, `some bytes are neither UTF-8 nor ${best.encoding === "big5" ? "Big5" : "GB18030"}`);
  return { text: best.text, encoding: best.encoding === "big5" ? "Big5" : "GB18030" };
}

const undecodable = (fileName: string, why: string): UnreadableError =>
  new UnreadableError({ code: "file.encoding", message: `${fileName}: the encoding cannot be told: ${why}`, zh: `${fileName}:无法识别文件编码`, nextStep: "Save the file as UTF-8 (in Excel: “CSV UTF-8”) or as XLSX." });
