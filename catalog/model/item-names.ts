/**
 * The form in which names of items and data elements are compared: compatibility characters folded, remarks in
 * brackets, spaces and punctuation left out, letters small. `姓 名(中文)` and `姓名` are one name.
 */
export function normaliseItemName(name: string): string {
  const folded = name.normalize("NFKC").toLowerCase();
  const bare = folded.replaceAll(/\([^()]*\)|\[[^[\]]*\]|【[^】]*】/g, "").replaceAll(/[\p{P}\p{S}\p{Z}\s]/gu, "");
  return bare === "" ? folded.replaceAll(/\s/g, "") : bare;
}
