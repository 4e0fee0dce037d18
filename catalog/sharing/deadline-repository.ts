import type { ClockEvent, ClockProfile } from "#standards";
import type { Reader, Transaction } from "#platform";
import type { Deadline, DeadlineKind, StoredExplanation } from "./deadline-model.ts";
import { present } from "./rows.ts";

interface DeadlineRow extends Record<string, unknown> {
  id: string;
  subject_type: Deadline["subjectType"];
  subject_id: string;
  kind: DeadlineKind;
  clock: ClockEvent;
  profile: ClockProfile;
  starts_on: string;
  working_days: number;
  extended_days: number;
  due_on: string | null;
  warn_on: string | null;
  not_before: string | null;
  missing_year: number | null;
  explanation: StoredExplanation;
  calendar_digest: string;
  state: Deadline["state"];
  closed_on: string | null;
  calendar_asked_at: Date | null;
  warned_at: Date | null;
  overdue_at: Date | null;
}

const columns = "id, subject_type, subject_id, kind, clock, profile, starts_on, working_days, extended_days, due_on, warn_on, not_before, missing_year, explanation, calendar_digest, state, closed_on, calendar_asked_at, warned_at, overdue_at";

const toDeadline = (row: DeadlineRow): Deadline => ({
  id: row.id,
  subjectType: row.subject_type,
  subjectId: row.subject_id,
  kind: row.kind,
  clock: row.clock,
  profile: row.profile,
  startsOn: row.starts_on,
  workingDays: row.working_days,
  extendedDays: row.extended_days,
  explanation: row.explanation,
  calendarDigest: row.calendar_digest,
  state: row.state,
  ...present({ dueOn: row.due_on, warnOn: row.warn_on, notBefore: row.not_before, missingYear: row.missing_year, closedOn: row.closed_on, calendarAskedAt: row.calendar_asked_at, warnedAt: row.warned_at, overdueAt: row.overdue_at }),
});

const valuesOf = (d: Deadline): unknown[] => [d.id, d.subjectType, d.subjectId, d.kind, d.clock, d.profile, d.startsOn, d.workingDays, d.extendedDays, d.dueOn ?? null, d.warnOn ?? null, d.notBefore ?? null, d.missingYear ?? null, JSON.stringify(d.explanation), d.calendarDigest, d.state, d.closedOn ?? null, d.calendarAskedAt ?? null, d.warnedAt ?? null, d.overdueAt ?? null];

export async function insertDeadline(tx: Transaction, deadline: Deadline): Promise<void> {
  await tx.query(`insert into catalog.deadline (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`, valuesOf(deadline));
}

export async function updateDeadline(tx: Transaction, deadline: Deadline): Promise<void> {
  await tx.query(
    `update catalog.deadline set subject_type = $2, subject_id = $3, kind = $4, clock = $5, profile = $6, starts_on = $7, working_days = $8, extended_days = $9, due_on = $10, warn_on = $11, not_before = $12, missing_year = $13, explanation = $14, calendar_digest = $15, state = $16, closed_on = $17, calendar_asked_at = $18, warned_at = $19, overdue_at = $20 where id = $1`,
    valuesOf(deadline),
  );
}

export async function findOpenDeadline(tx: Transaction, subjectType: Deadline["subjectType"], subjectId: string, kind: DeadlineKind): Promise<Deadline | undefined> {
  const { rows } = await tx.query<DeadlineRow>(`select ${columns} from catalog.deadline where subject_type = $1 and subject_id = $2 and kind = $3 and state = 'open' for update`, [subjectType, subjectId, kind]);
  return rows[0] && toDeadline(rows[0]);
}

/** All deadlines that subjects have had, by subject, oldest first. */
export async function listDeadlines(reader: Reader, subjectIds: readonly string[]): Promise<Map<string, Deadline[]>> {
  const { rows } = await reader.query<DeadlineRow>(`select ${columns} from catalog.deadline where subject_id = any($1) order by starts_on, id`, [subjectIds]);
  const bySubject = new Map<string, Deadline[]>(subjectIds.map((id) => [id, []]));
  for (const row of rows) bySubject.get(row.subject_id)!.push(toDeadline(row));
  return bySubject;
}

/** Open deadlines computed with another calendar than the present one. */
export async function lockOutdatedDeadlines(tx: Transaction, calendarDigest: string, limit: number): Promise<Deadline[]> {
  const { rows } = await tx.query<DeadlineRow>(`select ${columns} from catalog.deadline where state = 'open' and calendar_digest <> $1 order by id limit $2 for update skip locked`, [calendarDigest, limit]);
  return rows.map(toDeadline);
}

/** Open deadlines with something to announce that was not announced yet. */
export async function lockDueDeadlines(tx: Transaction, today: string, limit: number): Promise<Deadline[]> {
  const { rows } = await tx.query<DeadlineRow>(
    `select ${columns} from catalog.deadline
     where state = 'open' and ((due_on is null and calendar_asked_at is null) or (warn_on <= $1 and warned_at is null) or (due_on < $1 and overdue_at is null))
     order by id limit $2 for update skip locked`,
    [today, limit],
  );
  return rows.map(toDeadline);
}

export async function listNotices(reader: Reader): Promise<{ year: number; content: unknown }[]> {
  const { rows } = await reader.query<{ year: number; content: unknown }>("select year, content from catalog.holiday_notice order by year");
  return rows;
}

export async function upsertNotice(tx: Transaction, notice: { year: number; content: unknown; at: Date; actorId: string }): Promise<void> {
  await tx.query("insert into catalog.holiday_notice (year, content, imported_at, imported_by) values ($1, $2, $3, $4) on conflict (year) do update set content = excluded.content, imported_at = excluded.imported_at, imported_by = excluded.imported_by", [notice.year, JSON.stringify(notice.content), notice.at, notice.actorId]);
}
