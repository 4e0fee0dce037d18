/** Why a day is off, or that it is worked in exchange for one. */
export interface DayReason {
  readonly kind: "weekend" | "festival" | "make-up";
  readonly zh: string;
  readonly en: string;
}

export interface CalendarDay {
  readonly date: string;
  readonly working: boolean;
  /** Absent for an ordinary working day. */
  readonly reason?: DayReason;
}

/** Consecutive days off for one reason. */
export interface SkippedDays {
  readonly from: string;
  readonly to: string;
  readonly days: number;
  readonly reason: DayReason;
}

/** How a deadline was counted. */
export interface DeadlineExplanation {
  /** The day of the event: not counted. */
  readonly startedOn: string;
  /** First day counted: the day after. */
  readonly countedFrom: string;
  readonly workingDays: number;
  readonly deadline: string;
  readonly skipped: readonly SkippedDays[];
  /** Weekend days that count because they are worked in exchange. */
  readonly makeUpDays: readonly CalendarDay[];
  /** Addresses of the State Council's notices that were used. */
  readonly notices: readonly string[];
  /** The next year's notice, not published yet, may still change the last days of December. */
  readonly mayChange: boolean;
  readonly zh: string;
  readonly en: string;
}
