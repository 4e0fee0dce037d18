import type { ItemType } from "#standards";

/**
 * Text of a source column that is not of the item's kind (a date kept as text, a number in a varchar) → canonical text
 * of the item type, or undefined when it cannot be read as one. The same function serves snapshots and changes.
 */
export type Conversion = (text: string) => string | undefined;

const pad = (text: string) => text.padStart(2, "0");
const separatedDate = /^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?$/;
const compactDate = /^([0-9]{4})([0-9]{2})([0-9]{2})$/;

const toDate: Conversion = (text) => {
  const trimmed = text.trim();
  const [day, time] = trimmed.split(/[ T]/, 2);
  // A time of day other than midnight would be lost without anybody knowing.
  if (time !== undefined && !/^00:00(?::00(?:\.0+)?)?$/.test(time)) return undefined;
  const parts = separatedDate.exec(day ?? "") ?? compactDate.exec(day ?? "");
  return parts === null ? undefined : `${parts[1]}-${pad(parts[2]!)}-${pad(parts[3]!)}`;
};

const timeOfDay = /^([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)?$/;

const toTimestamp: Conversion = (text) => {
  const trimmed = text.trim();
  const compact = /^([0-9]{8})([0-9]{2})([0-9]{2})([0-9]{2})$/.exec(trimmed);
  if (compact) {
    const day = toDate(compact[1]!);
    return day && `${day} ${compact[2]}:${compact[3]}:${compact[4]}`;
  }
  const space = trimmed.search(/[ T]/);
  const day = toDate(space < 0 ? trimmed : trimmed.slice(0, space));
  if (day === undefined) return undefined;
  if (space < 0) return `${day} 00:00:00`;
  const parts = timeOfDay.exec(trimmed.slice(space + 1).trim());
  if (parts === null) return undefined;
  const fraction = (parts[4] ?? "").replace(/\.?0+$/, "");
  return `${day} ${pad(parts[1]!)}:${parts[2]}:${parts[3] ?? "00"}${fraction}`;
};

/** `-012.50` → `-12.5`; exponents as a double column prints them are written out. */
const toDecimal: Conversion = (text) => {
  const parts = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:e([+-]?[0-9]{1,3}))?$/i.exec(text.trim());
  if (parts === null || (parts[2] === "" && !parts[3])) return undefined;
  let whole = parts[2]!;
  let fraction = parts[3] ?? "";
  const exponent = Number(parts[4] ?? 0);
  if (exponent > 0) {
    fraction = fraction.padEnd(exponent, "0");
    whole += fraction.slice(0, exponent);
    fraction = fraction.slice(exponent);
  } else if (exponent < 0) {
    whole = whole.padStart(-exponent, "0");
    fraction = whole.slice(exponent) + fraction;
    whole = whole.slice(0, exponent);
  }
  whole = whole.replace(/^0+(?=[0-9])/, "") || "0";
  fraction = fraction.replace(/0+$/, "");
  const digits = fraction === "" ? whole : `${whole}.${fraction}`;
  return parts[1] === "-" && /[1-9]/.test(digits) ? `-${digits}` : digits;
};

const toInteger: Conversion = (text) => {
  const decimal = toDecimal(text);
  return decimal === undefined || decimal.includes(".") ? undefined : decimal;
};

/** As PostgreSQL prints a double: shortest digits, an exponent below -4 and from 15 on. */
const toDouble: Conversion = (text) => {
  const decimal = toDecimal(text);
  if (decimal === undefined) return undefined;
  const value = Number(decimal);
  if (!Number.isFinite(value)) return undefined;
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential().split("e") as [string, string];
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 15) return toDecimal(value.toExponential());
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
};

const trueTexts = new Set(["t", "true", "y", "yes", "on", "1", "是"]);
const falseTexts = new Set(["f", "false", "n", "no", "off", "0", "否"]);

const toBoolean: Conversion = (text) => {
  const word = text.trim().toLowerCase();
  if (trueTexts.has(word)) return "t";
  return falseTexts.has(word) ? "f" : undefined;
};

const conversions: Record<ItemType, Conversion> = { C: (text) => text, M: (text) => text, G: (text) => text, N: toDecimal, Y: toDecimal, I: toInteger, B: toDouble, F: toDouble, D: toDate, T: toTimestamp, L: toBoolean };

export const conversionTo = (type: ItemType): Conversion => conversions[type];
