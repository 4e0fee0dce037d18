/** A finding as data: every check of standards returns findings, none throws them. */
export interface StandardIssue {
  /** Stable machine-readable kind, e.g. `citizen-number.check-digit`. */
  readonly code: string;
  readonly message: string;
  readonly zh: string;
}
