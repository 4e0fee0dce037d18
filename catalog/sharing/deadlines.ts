import { createWorkingCalendar, findSharingClock, holidayNotices, parseHolidayNotice, type ClockEvent, type ClockProfile, type HolidayNotice } from "#standards";
import { canonicalJson, InputError, NotAllowedError, sha256, systemActor, type Actor, type Kernel, type NewDomainEvent, type Reader, type Transaction } from "#platform";
import { computeDeadline, localDay, type Deadline, type DeadlineKind, type SharingCalendar } from "./deadline-model.ts";
import { findOpenDeadline, insertDeadline, listDeadlines, listNotices, lockDueDeadlines, lockOutdatedDeadlines, updateDeadline, upsertNotice } from "./deadline-repository.ts";

/** Legal clocks: opened, extended, closed by the services of their subjects; recomputed and escalated here. */
export interface DeadlineService {
  /** Undefined where the city's profile sets no days for this clock. */
  open(tx: Transaction, input: OpenDeadlineInput): Promise<Deadline | undefined>;
  extend(tx: Transaction, subjectType: Deadline["subjectType"], subjectId: string, kind: DeadlineKind, extraDays: number): Promise<Deadline>;
  /** Ends an open deadline, if there is one: met or missed by today, or no longer running. */
  close(tx: Transaction, subjectType: Deadline["subjectType"], subjectId: string, kind: DeadlineKind, how: "answered" | "cancelled"): Promise<Deadline | undefined>;
  list(reader: Reader, subjectIds: readonly string[]): Promise<Map<string, Deadline[]>>;
  /**
   * Takes a year's notice (holiday-cn's JSON) and computes every open deadline again. For the city data office and
   * administrators. @throws InputError for a file that is no notice
   */
  importNotice(actor: Actor, notice: unknown): Promise<{ year: number; recomputed: number }>;
  /** The years that can be computed. */
  knownYears(actor: Actor): Promise<readonly number[]>;
  /** Computes again what was computed with another calendar. */
  recompute(): Promise<number>;
  /** Announces what is due: calendar missing, warning, overdue; each once. */
  escalate(): Promise<number>;
}

export interface OpenDeadlineInput {
  subjectType: Deadline["subjectType"];
  subjectId: string;
  kind: DeadlineKind;
  clock: ClockEvent;
}

export const escalationLevels = ["calendar-missing", "warning", "overdue"] as const;
export type EscalationLevel = (typeof escalationLevels)[number];

/** What becomes of an escalation: the subject's own service says whom it concerns and what follows. */
export type OnEscalation = (tx: Transaction, deadline: Deadline, level: EscalationLevel) => Promise<NewDomainEvent | undefined>;

export interface CreateDeadlinesOptions {
  kernel: Kernel;
  profile: ClockProfile;
  onEscalation: OnEscalation;
}

const batchSize = 200;
let digestOfBuiltIn: string | undefined;
const builtInDigest = () => (digestOfBuiltIn ??= sha256(canonicalJson(holidayNotices)));
const me = systemActor("sharing-deadlines");

export function createDeadlines({ kernel, profile, onEscalation }: CreateDeadlinesOptions): DeadlineService {
  let built: SharingCalendar | undefined;

  /** Imported notices come before the built-in ones of the same year. */
  async function loadCalendar(reader: Reader): Promise<SharingCalendar> {
    const imported = (await listNotices(reader)).map((row) => row.content as HolidayNotice);
    const digest = sha256(`${builtInDigest()}${canonicalJson(imported)}`);
    if (built?.digest !== digest) {
      const importedYears = new Set(imported.map((notice) => notice.year));
      built = { digest, calendar: createWorkingCalendar([...holidayNotices.filter((notice) => !importedYears.has(notice.year)), ...imported]) };
    }
    return built;
  }

  /** The same deadline with the days of `known`; what has been announced stays announced while it still holds. */
  function computed(deadline: Omit<Deadline, "explanation" | "calendarDigest" | "dueOn" | "warnOn" | "notBefore" | "missingYear">, known: SharingCalendar, today: string): Deadline {
    const result = computeDeadline({ ...deadline, calendar: known.calendar });
    const { id, subjectType, subjectId, kind, clock, startsOn, workingDays, extendedDays, state, closedOn, calendarAskedAt } = deadline;
    const base = { id, subjectType, subjectId, kind, clock, profile: deadline.profile, startsOn, workingDays, extendedDays, state, explanation: result.explanation, calendarDigest: known.digest, ...(closedOn === undefined ? {} : { closedOn }), ...(calendarAskedAt === undefined ? {} : { calendarAskedAt }) };
    if (result.dueOn === undefined) return { ...base, missingYear: result.missingYear, notBefore: result.notBefore };
    return {
      ...base,
      dueOn: result.dueOn,
      warnOn: result.warnOn,
      ...(deadline.warnedAt !== undefined && result.warnOn <= today ? { warnedAt: deadline.warnedAt } : {}),
      ...(deadline.overdueAt !== undefined && result.dueOn < today ? { overdueAt: deadline.overdueAt } : {}),
    };
  }

  const today = () => localDay(kernel.clock.now());

  async function recompute(): Promise<number> {
    let total = 0;
    for (;;) {
      const count = await kernel.database.withTransaction(async (tx) => {
        const known = await loadCalendar(tx);
        const outdated = await lockOutdatedDeadlines(tx, known.digest, batchSize);
        for (const deadline of outdated) await updateDeadline(tx, computed(deadline, known, today()));
        return outdated.length;
      });
      total += count;
      if (count < batchSize) return total;
    }
  }

  function levelsOf(deadline: Deadline, day: string): EscalationLevel[] {
    const levels: EscalationLevel[] = [];
    if (deadline.dueOn === undefined && deadline.calendarAskedAt === undefined) levels.push("calendar-missing");
    // Late enough to be overdue, a warning says nothing any more.
    if (deadline.warnOn !== undefined && deadline.warnOn <= day && deadline.warnedAt === undefined && !(deadline.dueOn! < day)) levels.push("warning");
    if (deadline.dueOn !== undefined && deadline.dueOn < day && deadline.overdueAt === undefined) levels.push("overdue");
    return levels;
  }

  return {
    async open(tx, { subjectType, subjectId, kind, clock }) {
      const law = findSharingClock(clock, profile);
      if (law === undefined) return undefined;
      const known = await loadCalendar(tx);
      const deadline = computed({ id: kernel.newId("deadline"), subjectType, subjectId, kind, clock, profile, startsOn: today(), workingDays: law.workingDays, extendedDays: 0, state: "open" }, known, today());
      await insertDeadline(tx, deadline);
      return deadline;
    },

    async extend(tx, subjectType, subjectId, kind, extraDays) {
      const deadline = await findOpenDeadline(tx, subjectType, subjectId, kind);
      if (deadline === undefined) throw new Error(`No open ${kind} deadline of ${subjectType} ${subjectId}`);
      const extended = computed({ ...deadline, extendedDays: deadline.extendedDays + extraDays }, await loadCalendar(tx), today());
      await updateDeadline(tx, extended);
      return extended;
    },

    async close(tx, subjectType, subjectId, kind, how) {
      const deadline = await findOpenDeadline(tx, subjectType, subjectId, kind);
      if (deadline === undefined) return undefined;
      const closedOn = today();
      const late = deadline.dueOn !== undefined && deadline.dueOn < closedOn;
      const closed: Deadline = { ...deadline, state: how === "cancelled" ? "cancelled" : late ? "missed" : "met", closedOn };
      await updateDeadline(tx, closed);
      return closed;
    },

    list: listDeadlines,
    recompute,

    async importNotice(actor, json) {
      assertKeepsCalendar(actor);
      let notice: HolidayNotice;
      try {
        notice = parseHolidayNotice(json);
      } catch (error) {
        throw new InputError(`This is not a holiday notice: ${error instanceof Error ? error.message : String(error)}`, { zh: "节假日安排通知格式不正确", code: "calendar.notice", nextStep: "Give holiday-cn's JSON file of the year.", cause: error });
      }
      await kernel.database.withTransaction(async (tx) => {
        await upsertNotice(tx, { year: notice.year, content: notice, at: kernel.clock.now(), actorId: actor.id });
        await kernel.audit.record(tx, actor, { action: "calendar.import", objectType: "calendar", objectId: String(notice.year), detail: { days: Object.values(notice.daysOff).flat().length } });
      });
      return { year: notice.year, recomputed: await recompute() };
    },

    async knownYears(actor) {
      if (actor.kind === "anonymous") throw new NotAllowedError("Log in first", { zh: "请先登录" });
      return (await kernel.database.read(loadCalendar)).calendar.years;
    },

    async escalate() {
      let total = 0;
      for (;;) {
        const count = await kernel.database.withTransaction(async (tx) => {
          const day = today();
          const due = await lockDueDeadlines(tx, day, batchSize);
          const events: NewDomainEvent[] = [];
          for (const deadline of due) {
            for (const level of levelsOf(deadline, day)) {
              const event = await onEscalation(tx, deadline, level);
              if (event !== undefined) events.push(event);
            }
            const at = kernel.clock.now();
            await updateDeadline(tx, {
              ...deadline,
              ...(deadline.dueOn === undefined ? { calendarAskedAt: at } : {}),
              ...(deadline.warnOn !== undefined && deadline.warnOn <= day ? { warnedAt: deadline.warnedAt ?? at } : {}),
              ...(deadline.dueOn !== undefined && deadline.dueOn < day ? { overdueAt: deadline.overdueAt ?? at } : {}),
            });
          }
          await kernel.eventLog.append(tx, me, events);
          return due.length;
        });
        total += count;
        if (count < batchSize) return total;
      }
    },
  };
}

function assertKeepsCalendar(actor: Actor): void {
  if (actor.kind === "system" || actor.roles.includes("city-reviewer") || (actor.roles.includes("administrator") && actor.organisationKind === "city-data-office")) return;
  throw new NotAllowedError("Only the city data office keeps the holiday calendar", { zh: "仅主管部门可以维护节假日日历", code: "calendar.not-allowed" });
}
