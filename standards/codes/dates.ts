/** Calendar arithmetic on ISO dates (`YYYY-MM-DD`) without time zones. */

const daysOfMonth = Uint8Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

export const isLeapYear = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** Whether the date is in the Gregorian calendar. Allocates nothing. */
export const isRealDate = (year: number, month: number, day: number): boolean => {
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return false;
  const days = month === 2 && isLeapYear(year) ? 29 : (daysOfMonth[month - 1] ?? 0);
  return day <= days;
};

const isoDate = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/;

/** Whether the text is a real date in the form `YYYY-MM-DD`. */
export const isIsoDate = (text: string): boolean => {
  const parts = isoDate.exec(text);
  return parts !== null && isRealDate(Number(parts[1]), Number(parts[2]), Number(parts[3]));
};

/** An ISO date as the number YYYYMMDD, which sorts like the date. */
export const dateNumber = (iso: string): number =>
  Number(iso.slice(0, 4)) * 10_000 + Number(iso.slice(5, 7)) * 100 + Number(iso.slice(8, 10));

const millisecondsPerDay = 86_400_000;

/** Days since 1970-01-01. */
export const dayNumber = (iso: string): number =>
  Date.UTC(Number(iso.slice(0, 4)), Number(iso.slice(5, 7)) - 1, Number(iso.slice(8, 10))) / millisecondsPerDay;

/** The ISO date of a day number. */
export const dateOfDayNumber = (day: number): string => new Date(day * millisecondsPerDay).toISOString().slice(0, 10);

/** 0 Monday … 6 Sunday. */
export const weekdayOf = (day: number): number => (((day + 3) % 7) + 7) % 7;
