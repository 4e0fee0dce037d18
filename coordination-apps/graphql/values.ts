/** GraphQL names have no hyphens: `decide-appeal` is `DECIDE_APPEAL`. */
export function enumValues<const Values extends readonly string[]>(values: Values): { [Value in Values[number]]: { value: Value } } {
  return Object.fromEntries(values.map((value) => [value.replaceAll("-", "_").toUpperCase(), { value }])) as { [Value in Values[number]]: { value: Value } };
}

type Filled<Input> = { [Name in keyof Input]: Exclude<Input[Name], null> };

/** An input as services take it: what is null or absent is absent. */
export function filled<Input extends object>(input: Input): Filled<Input> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined)) as Filled<Input>;
}
