const quoted = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g;

/**
 * The members of a list written as text: `['xls', 'csv']`, `["xls"]`, `xls,csv`, `教育,文化`, `a;b|c`. The empty text
 * and `[]` are the empty list. `、` does not separate unless asked: it stands inside names (工业、交通).
 */
export const splitListText = (text: string, options: { readonly ideographicComma?: boolean } = {}): string[] => {
  const trimmed = text.trim();
  if (trimmed.startsWith("[") && trimmed.endsWith("]")) {
    const members = [...trimmed.matchAll(quoted)].map((match) => match[1] ?? match[2] ?? "");
    if (members.length > 0) return members.map((member) => member.trim()).filter((member) => member !== "");
    return splitListText(trimmed.slice(1, -1), options);
  }
  return trimmed
    .split(options.ideographicComma === true ? /[,\uFF0C;\uFF1B|、\n]/ : /[,\uFF0C;\uFF1B|\n]/)
    .map((member) => member.trim())
    .filter((member) => member !== "");
};
