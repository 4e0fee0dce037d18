import { readFileSync } from "node:fs";

/** The rows of a tab-separated file of `standards/data`, read when first needed. */
export const readDataRows = (name: string): string[][] =>
  readFileSync(new URL(`../data/${name}`, import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));

/** A function that computes its value on the first call and keeps it. */
export const once = <Value>(compute: () => Value): (() => Value) => {
  let value: { readonly kept: Value } | undefined;
  return () => (value ??= { kept: compute() }).kept;
};
