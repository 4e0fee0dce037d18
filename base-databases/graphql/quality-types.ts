import { refusals, type ZhengtongSchemaBuilder } from "#platform";
import type { BaseDatabases } from "../base-databases.ts";
import type { Contradiction } from "../record-store/contradiction-list.ts";
import { contradictionRules } from "../record-store/contradictions.ts";
import type { BaseStatistics, SourceStatistics } from "../record-store/statistics.ts";
import type { MatchCandidate, UnmatchedRow } from "../record-store/unmatched.ts";
import { pageOf, toConnection, type SharedTypes } from "./values.ts";

/** Contradictions, rows without a usable number with their matches, counts. */
export function addQualityTypes(builder: ZhengtongSchemaBuilder, bases: BaseDatabases, { BaseEnum, Title }: SharedTypes): void {
  const StateEnum = builder.enumType("ContradictionState", { values: { OPEN: { value: "open" }, CLOSED: { value: "closed" } } as const });
  const RuleEnum = builder.enumType("ContradictionRule", { values: Object.fromEntries(contradictionRules.map((rule) => [rule.toUpperCase().replaceAll("-", "_"), { value: rule }])) as Record<string, { value: (typeof contradictionRules)[number] }> });
  const UnmatchedStateEnum = builder.enumType("UnmatchedState", { values: { UNMATCHED: { value: "unmatched" }, REVIEW: { value: "review" }, MATCHED: { value: "matched" } } as const });
  const DecisionEnum = builder.enumType("MatchDecision", { values: { ACCEPTED: { value: "accepted" }, REJECTED: { value: "rejected" } } as const });

  const ContradictionType = builder.objectRef<Contradiction>("Contradiction").implement({
    description: "矛盾: a source says what cannot stand beside the golden value or the number itself.",
    fields: (t) => ({
      id: t.id({ resolve: (each) => each.id }),
      base: t.field({ type: BaseEnum, resolve: (each) => each.base }),
      key: t.exposeString("key"),
      field: t.exposeString("field"),
      fieldTitle: t.field({ type: Title, resolve: (each) => each.fieldTitle }),
      sourceRole: t.exposeString("sourceRole"),
      sourceTitle: t.field({ type: Title, resolve: (each) => each.sourceTitle }),
      organisationId: t.exposeID("organisationId", { description: "The department that is asked to correct." }),
      rowKey: t.exposeString("rowKey"),
      value: t.exposeString("value"),
      rule: t.field({ type: RuleEnum, resolve: (each) => each.rule }),
      referenceValue: t.exposeString("referenceValue", { nullable: true }),
      referenceTitle: t.field({ type: Title, nullable: true, resolve: (each) => each.referenceTitle }),
      state: t.field({ type: StateEnum, resolve: (each) => each.state }),
      raisedAt: t.field({ type: "DateTime", resolve: (each) => each.raisedAt }),
      timesRaised: t.exposeInt("timesRaised"),
      closedAt: t.field({ type: "DateTime", nullable: true, resolve: (each) => each.closedAt }),
      closedReason: t.field({ type: Title, nullable: true, resolve: (each) => each.closedReason }),
      correctionId: t.exposeID("correctionId", { nullable: true }),
      deskProblem: t.exposeString("deskProblem", { nullable: true, description: "Why no correction could be asked for." }),
    }),
  });
  const Candidate = builder.objectRef<MatchCandidate>("MatchCandidate").implement({
    fields: (t) => ({
      key: t.exposeString("key"),
      score: t.exposeFloat("score", { description: "Sum of the weights of all comparisons, in bits of evidence." }),
      explanation: t.field({ type: "JSON", resolve: (each) => each.explanation }),
      name: t.exposeString("name", { nullable: true }),
      date: t.exposeString("date", { nullable: true }),
      address: t.exposeString("address", { nullable: true }),
      other: t.exposeString("other", { nullable: true }),
      decision: t.field({ type: DecisionEnum, nullable: true, resolve: (each) => each.decision?.decision }),
      decisionReason: t.string({ nullable: true, resolve: (each) => each.decision?.reason }),
    }),
  });
  const Unmatched = builder.objectRef<UnmatchedRow>("UnmatchedRow").implement({
    description: "A source row without a usable number, and whose it may be.",
    fields: (t) => ({
      id: t.id({ resolve: (row) => row.id }),
      base: t.field({ type: BaseEnum, resolve: (row) => row.base }),
      sourceId: t.exposeInt("sourceId"),
      sourceRole: t.exposeString("sourceRole"),
      sourceTitle: t.field({ type: Title, resolve: (row) => row.sourceTitle }),
      organisationId: t.exposeID("organisationId"),
      rowKey: t.exposeString("rowKey"),
      rawKey: t.exposeString("rawKey", { nullable: true }),
      reason: t.exposeString("reason", { description: "Why the number cannot be used, such as citizen-number.check-digit, missing." }),
      state: t.field({ type: UnmatchedStateEnum, resolve: (row) => row.state }),
      linkedKey: t.exposeString("linkedKey", { nullable: true }),
      name: t.exposeString("name", { nullable: true }),
      date: t.exposeString("date", { nullable: true }),
      address: t.exposeString("address", { nullable: true }),
      other: t.exposeString("other", { nullable: true }),
      firstSeenAt: t.field({ type: "DateTime", resolve: (row) => row.firstSeenAt }),
      candidates: t.field({ type: [Candidate], complexity: { field: 1, multiplier: 3 }, resolve: (row) => row.candidates }),
    }),
  });
  const SourceStatisticsType = builder.objectRef<SourceStatistics>("BaseSource").implement({
    description: "A department's landing table that feeds a base.",
    fields: (t) => ({
      role: t.exposeString("role"),
      title: t.field({ type: Title, resolve: (source) => source.title }),
      organisationId: t.exposeID("organisationId"),
      feedId: t.exposeID("feedId"),
      attached: t.boolean({ resolve: (source) => source.state === "attached" }),
      lagBatches: t.exposeFloat("lagBatches"),
      rowsRead: t.exposeFloat("rowsRead"),
      records: t.exposeFloat("records"),
      unmatched: t.exposeFloat("unmatched"),
      openContradictions: t.exposeFloat("openContradictions"),
      processedAt: t.field({ type: "DateTime", nullable: true, resolve: (source) => source.processedAt }),
      problem: t.field({ type: Title, nullable: true, resolve: (source) => source.problem }),
    }),
  });
  const Statistics = builder.objectRef<BaseStatistics>("BaseStatistics").implement({
    fields: (t) => ({
      base: t.field({ type: BaseEnum, resolve: (each) => each.base }),
      title: t.field({ type: Title, resolve: (each) => each.title }),
      golden: t.exposeFloat("golden"),
      completeBasics: t.exposeFloat("completeBasics", { description: "Records that have all basic items." }),
      fromSeveralSources: t.exposeFloat("fromSeveralSources"),
      openContradictions: t.float({ resolve: (each) => each.contradictions.open }),
      closedContradictions: t.float({ resolve: (each) => each.contradictions.closed }),
      unmatchedRows: t.float({ resolve: (each) => each.unmatched.unmatched }),
      rowsToReview: t.float({ resolve: (each) => each.unmatched.review }),
      matchedRows: t.float({ resolve: (each) => each.unmatched.matched }),
      waiting: t.exposeFloat("waiting", { description: "Keys that wait for merging." }),
      sources: t.field({ type: [SourceStatisticsType], complexity: { field: 5, multiplier: 10 }, resolve: (each) => each.sources }),
    }),
  });

  builder.queryFields((t) => ({
    baseStatistics: t.field({ type: [Statistics], complexity: { field: 50, multiplier: 2 }, resolve: (_root, _args, { actor }) => bases.statistics(actor) }),
    contradictions: t.connection({
      type: ContradictionType,
      args: { base: t.arg({ type: BaseEnum, required: false }), state: t.arg({ type: StateEnum, required: false }), sourceRole: t.arg.string({ required: false }), field: t.arg.string({ required: false }), key: t.arg.string({ required: false }) },
      resolve: async (_root, { base, state, sourceRole, field, key, ...page }, { actor }) =>
        toConnection(await bases.listContradictions(actor, { ...(base == null ? {} : { base }), ...(state == null ? {} : { state }), ...(sourceRole == null ? {} : { sourceRole }), ...(field == null ? {} : { field }), ...(key == null ? {} : { key }) }, pageOf(page))),
    }),
    unmatchedRows: t.connection({
      type: Unmatched,
      args: { base: t.arg({ type: BaseEnum, required: false }), state: t.arg({ type: UnmatchedStateEnum, required: false }), sourceRole: t.arg.string({ required: false }), reason: t.arg.string({ required: false }) },
      resolve: async (_root, { base, state, sourceRole, reason, ...page }, { actor }) =>
        toConnection(await bases.listUnmatched(actor, { ...(base == null ? {} : { base }), ...(state == null ? {} : { state }), ...(sourceRole == null ? {} : { sourceRole }), ...(reason == null ? {} : { reason }) }, pageOf(page))),
    }),
  }));
  builder.mutationFields((t) => ({
    decideMatch: t.boolean({
      description: "A person says whose a row is, or that it is not this one's.",
      errors: refusals,
      args: { sourceId: t.arg.int(), rowKey: t.arg.string(), key: t.arg.string(), decision: t.arg({ type: DecisionEnum }), reason: t.arg.string() },
      resolve: async (_root, input, { actor }) => {
        await bases.decideMatch(actor, input);
        return true;
      },
    }),
    revertMatch: t.boolean({
      description: "Takes a person's decision back.",
      errors: refusals,
      args: { sourceId: t.arg.int(), rowKey: t.arg.string(), key: t.arg.string() },
      resolve: async (_root, input, { actor }) => {
        await bases.revertMatch(actor, input);
        return true;
      },
    }),
  }));
}
