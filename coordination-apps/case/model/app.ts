import type { Transaction } from "#platform";
import type { CheckDefinition, CheckRule } from "../../check/model/definition.ts";
import type { CheckCase } from "./case.ts";

/** Where a case stands for the benefit department. */
export type OutcomeStanding = "confirmed" | "dismissed" | "under-appeal" | "overturned";

export interface CaseOutcome {
  case: CheckCase;
  standing: OutcomeStanding;
  /** The rule whose ground was confirmed. */
  rule?: CheckRule;
  /** From when that ground existed. */
  circumstanceFrom?: string;
  /** The local day of the decision. */
  decidedOn: string;
  at: Date;
}

/** A coordination app on the check engine: its definition, and how an outcome goes back to the benefit department. */
export interface CheckApp {
  definition: CheckDefinition;
  /** Writes the outcome in the transaction of the decision. */
  writeOutcome(tx: Transaction, outcome: CaseOutcome): Promise<void>;
}
