import { InputError, refusals, type ZhengtongSchemaBuilder } from "#platform";
import { caseTransitions, type CheckCase } from "../case/model/case.ts";
import { mostCasesPerPage } from "../case/services/case-service.ts";
import { followCases } from "../case/services/follow-cases.ts";
import type { CoordinationApps } from "../coordination-apps.ts";
import type { CaseTypes } from "./case-types.ts";
import { filled } from "./values.ts";

interface PageArguments {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}

const encodeCursor = (found: CheckCase) => Buffer.from(found.number, "utf8").toString("base64url");
const decodeCursor = (cursor: string) => Buffer.from(cursor, "base64url").toString("utf8");

/** `first`/`after` or `last`/`before`, never both; one row more than asked tells whether there is more. */
function toPage({ first, after, last, before }: PageArguments) {
  if (first != null && last != null) throw new InputError("A page has first or last, not both", { zh: "first 与 last 不能同时使用", code: "page.both-ends" });
  const size = first ?? last ?? 20;
  if (size < 1 || size > mostCasesPerPage) throw new InputError(`A page has 1 to ${mostCasesPerPage} cases`, { zh: `每页 1 至 ${mostCasesPerPage} 件`, code: "case.page-size" });
  return { size, backward: last != null, page: { limit: size + 1, backward: last != null, ...(after == null ? {} : { after: decodeCursor(after) }), ...(before == null ? {} : { before: decodeCursor(before) }) } };
}

export function addCaseFields(builder: ZhengtongSchemaBuilder, apps: CoordinationApps, types: CaseTypes): void {
  const { cases } = apps;
  const Filter = builder.inputType("CheckCaseFilter", {
    fields: (t) => ({
      definition: t.string({ required: false }),
      period: t.string({ required: false, description: "YYYYMM" }),
      states: t.field({ type: [types.State], required: false }),
      ruleId: t.string({ required: false }),
      subjectNumber: t.string({ required: false }),
      dueBy: t.field({ type: "Date", required: false, description: "Verification is due on or before this day." }),
    }),
  });
  const Notify = builder.inputType("NotifyCheckCaseInput", { fields: (t) => ({ caseId: t.id(), channel: t.string({ description: "How the person was told: letter, telephone, in person." }) }) });
  const Confirm = builder.inputType("ConfirmCheckCaseInput", { fields: (t) => ({ caseId: t.id(), reason: t.string(), kind: t.string({ required: false, description: "Of the ground; default the first among the evidence that stands." }), hearing: t.field({ type: types.HearingEnum, required: false }) }) });
  const Dismiss = builder.inputType("DismissCheckCaseInput", { fields: (t) => ({ caseId: t.id(), kind: t.string(), reason: t.string() }) });

  builder.queryFields((t) => ({
    checkCases: t.connection(
      {
        type: types.Case,
        description: "Cases that the caller may see, by number.",
        args: { filter: t.arg({ type: Filter, required: false }) },
        resolve: async (_root, { filter, ...args }, { actor }) => {
          const wanted = filled(filter ?? {});
          const { size, backward, page } = toPage(args);
          const rows = await cases.list(actor, wanted, page);
          const more = rows.length > size;
          const kept = backward ? rows.slice(more ? 1 : 0) : rows.slice(0, size);
          return {
            filter: wanted,
            edges: kept.map((node) => ({ node, cursor: encodeCursor(node) })),
            pageInfo: { hasNextPage: backward ? page.before !== undefined : more, hasPreviousPage: backward ? more : page.after !== undefined, startCursor: kept[0] ? encodeCursor(kept[0]) : null, endCursor: kept.at(-1) ? encodeCursor(kept.at(-1)!) : null },
          };
        },
      },
      { fields: (f) => ({ totalCount: f.int({ resolve: (connection, _args, { actor }) => cases.count(actor, (connection as unknown as { filter: Parameters<typeof cases.count>[1] }).filter) }) }) },
    ),
    checkCase: t.field({ type: types.Detail, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => cases.get(actor, id) }),
  }));

  const { Case } = types;
  builder.mutationFields((t) => ({
    notifyCheckCase: t.field({ type: Case, errors: refusals, args: { input: t.arg({ type: Notify }) }, resolve: (_root, { input }, { actor }) => cases.notify(actor, input) }),
    recordCheckCaseObjection: t.field({ type: Case, errors: refusals, description: "What the person says against the finding.", args: { caseId: t.arg.id(), statement: t.arg.string() }, resolve: (_root, input, { actor }) => cases.object(actor, input) }),
    confirmCheckCase: t.field({ type: Case, errors: refusals, description: `From ${caseTransitions.confirm.from.join(" or ")}; by a person only.`, args: { input: t.arg({ type: Confirm }) }, resolve: (_root, { input }, { actor }) => cases.confirm(actor, filled(input)) }),
    dismissCheckCase: t.field({ type: Case, errors: refusals, args: { input: t.arg({ type: Dismiss }) }, resolve: (_root, { input }, { actor }) => cases.dismiss(actor, input) }),
    recordCheckCaseAppeal: t.field({ type: Case, errors: refusals, args: { caseId: t.arg.id(), statement: t.arg.string() }, resolve: (_root, input, { actor }) => cases.appeal(actor, input) }),
    decideCheckCaseAppeal: t.field({ type: Case, errors: refusals, description: "By another officer than the one who confirmed.", args: { caseId: t.arg.id(), outcome: t.arg({ type: types.AppealOutcomeEnum }), reason: t.arg.string() }, resolve: (_root, input, { actor }) => cases.decideAppeal(actor, input) }),
    closeCheckCase: t.field({ type: Case, errors: refusals, args: { caseId: t.arg.id(), reason: t.arg.string({ required: false }) }, resolve: (_root, input, { actor }) => cases.close(actor, filled(input)) }),
    notifyCheckCases: t.field({ type: types.Many, errors: refusals, description: "At most 500 at once.", args: { inputs: t.arg({ type: [Notify] }) }, resolve: (_root, { inputs }, { actor }) => cases.notifyMany(actor, inputs) }),
    confirmCheckCases: t.field({ type: types.Many, errors: refusals, description: "At most 500 at once.", args: { inputs: t.arg({ type: [Confirm] }) }, resolve: (_root, { inputs }, { actor }) => cases.confirmMany(actor, inputs.map((input) => filled(input))) }),
    dismissCheckCases: t.field({ type: types.Many, errors: refusals, description: "At most 500 at once.", args: { inputs: t.arg({ type: [Dismiss] }) }, resolve: (_root, { inputs }, { actor }) => cases.dismissMany(actor, inputs) }),
  }));

  builder.subscriptionFields((t) => ({
    caseChanged: t.field({
      type: types.Change,
      description: "What happens to cases that the caller may see, at least once each; resumable after a position.",
      args: { caseId: t.arg.id({ required: false }), after: t.arg.float({ required: false }) },
      subscribe: (_root, args, { actor }) => followCases(apps, actor, filled(args)),
      resolve: (change) => change,
    }),
  }));
}
