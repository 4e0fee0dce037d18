/** One thing looked at, what was found, and what to do where it is not well. */
export interface Finding {
  what: string;
  state: "good" | "warning" | "bad";
  found: string;
  todo?: string;
}
