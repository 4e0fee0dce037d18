/**
 * Decimal numbers compared exactly, as PostgreSQL's numeric does: a capital of 12345678901234567890.10 must not be
 * rounded to a double before it is compared.
 */
const decimalText = /^([+-]?)0*([0-9]*)(?:\.([0-9]*?)0*)?(?:[eE]([+-]?[0-9]{1,4}))?$/;

/** A number in sort form: a double where that is exact, else sign, digits before the point and digits after it. */
export type DecimalKey = number | { readonly negative: boolean; readonly whole: string; readonly fraction: string };

const exactDigits = 15;
const plainDecimal = /^-?[0-9]+(?:\.[0-9]+)?$/;

/** The key of a number's text, or undefined when the text is not a number. NaN and Infinity are read as PostgreSQL does. */
export const decimalKey = (text: string): DecimalKey | undefined => {
  if (text.length <= exactDigits && plainDecimal.test(text)) return Number(text);
  const trimmed = text.trim();
  const parts = decimalText.exec(trimmed);
  if (parts === null || !/[0-9]/.test(trimmed)) {
    if (/^nan$/i.test(trimmed)) return Number.NaN;
    const infinity = /^([+-]?)(?:inf|infinity)$/i.exec(trimmed);
    if (infinity === null) return undefined;
    return infinity[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const [, sign = "", whole = "", fraction = "", exponentText] = parts;
  const exponent = exponentText === undefined ? 0 : Number(exponentText);
  if (exponent === 0) return keyOf(sign === "-", whole, fraction);
  const digits = whole + fraction;
  const point = whole.length + exponent;
  if (point <= 0) return keyOf(sign === "-", "", "0".repeat(-point) + digits);
  return keyOf(sign === "-", digits.slice(0, point).padEnd(point, "0"), digits.slice(point));
};

const keyOf = (negative: boolean, wholeText: string, fractionText: string): DecimalKey => {
  const whole = wholeText.replace(/^0+/, "");
  const fraction = fractionText.replace(/0+$/, "");
  // Decimals of up to 15 digits and their nearest doubles are in the same order, and equal only when equal.
  if (whole.length + fraction.length <= exactDigits) {
    const magnitude = Number(`${whole === "" ? "0" : whole}.${fraction === "" ? "0" : fraction}`);
    return negative && magnitude !== 0 ? -magnitude : magnitude;
  }
  return { negative, whole, fraction };
};

const expand = (value: number): { negative: boolean; whole: string; fraction: string } => {
  const magnitude = Math.abs(value);
  // The shortest text of a double gives its up to 15 digits back; below 1e-6 that text has an exponent.
  const text = magnitude !== 0 && magnitude < 1e-6 ? magnitude.toFixed(exactDigits) : String(magnitude);
  const [whole = "", fraction = ""] = text.split(".");
  return { negative: value < 0, whole: whole.replace(/^0+/, ""), fraction: fraction.replace(/0+$/, "") };
};

/** -1, 0 or 1; NaN is equal to itself and above everything, as in PostgreSQL. */
export const compareDecimals = (left: DecimalKey, right: DecimalKey): number => {
  if (typeof left === "number" && typeof right === "number") return compareNumbers(left, right);
  if (typeof left === "number" && !Number.isFinite(left)) return left === Number.NEGATIVE_INFINITY ? -1 : 1;
  if (typeof right === "number" && !Number.isFinite(right)) return right === Number.NEGATIVE_INFINITY ? 1 : -1;
  const a = typeof left === "number" ? expand(left) : left;
  const b = typeof right === "number" ? expand(right) : right;
  if (a.negative !== b.negative) return a.negative ? -1 : 1;
  const magnitude = compareMagnitudes(a, b);
  return a.negative ? -magnitude : magnitude;
};

const compareMagnitudes = (
  a: { readonly whole: string; readonly fraction: string },
  b: { readonly whole: string; readonly fraction: string },
): number => {
  if (a.whole.length !== b.whole.length) return a.whole.length < b.whole.length ? -1 : 1;
  if (a.whole !== b.whole) return a.whole < b.whole ? -1 : 1;
  if (a.fraction === b.fraction) return 0;
  return a.fraction < b.fraction ? -1 : 1;
};

/** As PostgreSQL orders doubles: NaN equals NaN and is above everything. */
export const compareNumbers = (left: number, right: number): number => {
  if (left < right) return -1;
  if (left > right) return 1;
  if (left === right) return 0;
  if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1;
  return -1;
};
