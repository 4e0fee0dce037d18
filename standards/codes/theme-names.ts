import { themeCodes } from "./themes.ts";

const codeOfName = new Map<string, string>();
const nameOfCode = new Map<string, string>();
for (const entry of themeCodes.entries) {
  if (entry.parent === undefined) continue;
  const parent = themeCodes.entries.find((each) => each.code === entry.parent);
  const name = `${parent?.label ?? ""}/${entry.label}`;
  codeOfName.set(name, entry.code);
  nameOfCode.set(entry.code, name);
}

/** The theme code for `class/item`, e.g. `财政/税务`; undefined when there is no such item. */
export const findThemeCode = (name: string): string | undefined => codeOfName.get(name);

/**
 * The theme code for `class/item`, e.g. `财政/税务`.
 *
 * @throws RangeError when the classification has no such item.
 */
export const themeCodeOf = (name: string): string => {
  const code = codeOfName.get(name);
  if (code === undefined) throw new RangeError(`the theme classification (GB/T 21063.4) has no item ${name}`);
  return code;
};

/** `class/item` of a theme code, e.g. `国土资源、能源/矿藏`; undefined for an unknown one. */
export const themeNameOf = (code: string): string | undefined => nameOfCode.get(`${code.slice(0, 3)}00`);
