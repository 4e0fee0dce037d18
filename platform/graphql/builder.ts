import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import DataloaderPlugin from "@pothos/plugin-dataloader";
import ErrorsPlugin from "@pothos/plugin-errors";
import RelayPlugin from "@pothos/plugin-relay";
import { GraphQLScalarType, Kind, type GraphQLSchema } from "graphql";
import type { Actor } from "../access/actor.ts";
import { errorKinds, InputError, Refusal, type ErrorKind, type Issue } from "../errors/errors.ts";

/**
 * The one schema builder. Domain folders add their types with functions `addXTypes(builder, services)`, which close
 * over their services; so the context holds only who is calling. Services check access, not the schema.
 */
export interface GraphqlContext {
  actor: Actor;
  correlationId: string;
}

export interface SchemaTypes {
  Context: GraphqlContext;
  DefaultFieldNullability: false;
  DefaultInputFieldRequiredness: true;
  Scalars: {
    /** A calendar date, `YYYY-MM-DD`. */
    Date: { Input: string; Output: string };
    /** An instant, ISO 8601 with offset. */
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: unknown; Output: unknown };
    ID: { Input: string; Output: string | number };
  };
}

/** Pothos wants a class that can be constructed; the abstract one is the right runtime test for all six. */
const RefusalClass = Refusal as unknown as { new (): Refusal; prototype: Refusal };

export interface ComplexityLimits {
  depth: number;
  complexity: number;
  breadth: number;
}

export const defaultComplexityLimits: ComplexityLimits = { depth: 12, complexity: 5_000, breadth: 400 };

export function createSchemaBuilder(limits: ComplexityLimits = defaultComplexityLimits) {
  const builder = new SchemaBuilder<SchemaTypes>({
    // Complexity must be outermost: a query over the limit is refused before anything resolves.
    plugins: [ErrorsPlugin, RelayPlugin, DataloaderPlugin, ComplexityPlugin],
    defaultFieldNullability: false,
    defaultInputFieldRequiredness: true,
    relay: {
      cursorType: "String",
      clientMutationId: "omit",
      nodesOnConnection: true,
      // Ids are opaque, unique everywhere and begin with their kind (`newId`), so the same id stands in every field,
      // URL and audit record: `change-request_…` is a ChangeRequest.
      encodeGlobalID: (_typename, id) => String(id),
      decodeGlobalID: (id) => ({ typename: typenameOf(id), id }),
    },
    complexity: { defaultComplexity: 1, defaultListMultiplier: 10, limit: limits },
    errors: { defaultTypes: [], directResult: false },
  });

  builder.queryType({});
  builder.mutationType({});
  builder.subscriptionType({});

  builder.addScalarType("Date", new GraphQLScalarType<string, string>({ name: "Date", description: "A calendar date, YYYY-MM-DD, without a time zone.", serialize: (value) => parseDate(value), parseValue: parseDate, parseLiteral: (node) => parseDate(node.kind === Kind.STRING ? node.value : undefined) }));
  builder.addScalarType("DateTime", new GraphQLScalarType<Date, string>({ name: "DateTime", description: "An instant, ISO 8601.", serialize: (value) => (value instanceof Date ? value : new Date(String(value))).toISOString(), parseValue: parseInstant, parseLiteral: (node) => parseInstant(node.kind === Kind.STRING ? node.value : undefined) }));
  builder.addScalarType("JSON", new GraphQLScalarType<unknown, unknown>({ name: "JSON", description: "Any JSON value." }));

  const ErrorKindEnum = builder.enumType("ErrorKind", { values: errorKinds });
  const IssueType = builder.objectRef<Issue>("Issue").implement({
    description: "One finding about one place of an input.",
    fields: (t) => ({ path: t.exposeString("path"), code: t.exposeString("code"), message: t.exposeString("message"), zh: t.exposeString("zh") }),
  });

  /** Every refusal that a mutation answers with instead of its result. */
  const RefusalType = builder.objectType(RefusalClass, {
    name: "Refusal",
    description: "Why a call was refused: the kind, what is wrong where, and the next step.",
    fields: (t) => ({
      kind: t.field({ type: ErrorKindEnum, resolve: (refusal) => refusal.kind as ErrorKind }),
      code: t.string({ nullable: true, resolve: (refusal) => refusal.code }),
      message: t.exposeString("message"),
      zh: t.exposeString("zh"),
      nextStep: t.string({ nullable: true, resolve: (refusal) => refusal.nextStep }),
      issues: t.field({ type: [IssueType], resolve: (refusal) => refusal.issues }),
    }),
  });

  const build = builder.toSchema.bind(builder);
  builder.toSchema = (options) => nameOperations(build(options));
  return Object.assign(builder, { refs: { ErrorKindEnum, IssueType, RefusalType } });
}

/** What a mutation writes to the audit log says through which field it came. */
function nameOperations(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { resolve } = field;
    if (resolve) field.resolve = (root, args, context: GraphqlContext, info) => resolve(root, args, { ...context, actor: { ...context.actor, operation: `graphql ${field.name}` } }, info);
  }
  return schema;
}

export type ZhengtongSchemaBuilder = ReturnType<typeof createSchemaBuilder>;

/**
 * The `errors` option of a mutation field: a refusal becomes part of the result, `union { Success, Refusal }`;
 * anything else is a defect and is masked at the edge.
 */
export const refusals = { types: [RefusalClass] };

function typenameOf(id: string): string {
  const kind = id.slice(0, Math.max(0, id.indexOf("_")));
  return kind.split("-").map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`).join("");
}

function parseDate(value: unknown): string {
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(`${value}T00:00:00Z`)) && new Date(`${value}T00:00:00Z`).toISOString().startsWith(value)) return value;
  throw new InputError(`"${String(value)}" is not a date of the form YYYY-MM-DD`, { zh: "日期格式应为 YYYY-MM-DD" });
}

function parseInstant(value: unknown): Date {
  const at = typeof value === "string" ? new Date(value) : undefined;
  if (at && !Number.isNaN(at.getTime())) return at;
  throw new InputError(`"${String(value)}" is not an instant in ISO 8601`, { zh: "时间格式应为 ISO 8601" });
}
