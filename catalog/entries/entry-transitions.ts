import type { Entry, EntryState } from "../model/types.ts";

/**
 * The life of an entry (design 4). `transition()` is the only writer; nothing else moves an entry. Numbers stay with a
 * withdrawn entry for ever. Waiting for a person is `waitingFor`, not one more state.
 */
export const entryTransitions = {
  submit: { from: ["draft"], to: "department-review", waitingFor: "approver" },
  approve: { from: ["department-review"], to: "city-review", waitingFor: "city-reviewer" },
  publish: { from: ["city-review"], to: "published" },
  return: { from: ["department-review", "city-review"], to: "draft", waitingFor: "cataloguer" },
  recall: { from: ["department-review", "city-review"], to: "draft" },
  suspend: { from: ["published"], to: "suspended" },
  resume: { from: ["suspended"], to: "published" },
  withdraw: { from: ["published", "suspended"], to: "withdrawn" },
  discard: { from: ["draft"], to: "withdrawn" },
} as const satisfies Record<string, { from: readonly EntryState[]; to: EntryState; waitingFor?: NonNullable<Entry["waitingFor"]> }>;

export type EntryAction = keyof typeof entryTransitions;

export function isTransition(state: EntryState, action: EntryAction): boolean {
  return (entryTransitions[action].from as readonly EntryState[]).includes(state);
}

/** What each transition is called in the event log (docs/architecture.md, 3). */
export const entryEventKinds: Readonly<Record<EntryAction, string>> = {
  submit: "entry.submitted",
  approve: "entry.changed",
  publish: "entry.published",
  return: "entry.returned",
  recall: "entry.changed",
  suspend: "entry.suspended",
  resume: "entry.resumed",
  withdraw: "entry.withdrawn",
  discard: "entry.withdrawn",
};

/** In words, for messages: what it does and the state it starts from. */
export const entryActionNames: Readonly<Record<EntryAction, { en: string; zh: string }>> = {
  submit: { en: "submitted", zh: "提交" },
  approve: { en: "approved for the department", zh: "部门审批" },
  publish: { en: "published", zh: "发布" },
  return: { en: "returned", zh: "退回" },
  recall: { en: "taken back", zh: "撤回" },
  suspend: { en: "suspended", zh: "暂停" },
  resume: { en: "resumed", zh: "恢复" },
  withdraw: { en: "withdrawn", zh: "注销" },
  discard: { en: "discarded", zh: "作废" },
};

export const entryStateNames: Readonly<Record<EntryState, string>> = {
  draft: "草稿",
  "department-review": "部门审批中",
  "city-review": "市级审核中",
  published: "已发布",
  suspended: "已暂停",
  withdrawn: "已注销",
};
