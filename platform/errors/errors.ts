/**
 * The six refusals that services throw. They are mapped once, at the edge (GraphQL, HTTP, command line);
 * any other exception is a defect: it is masked, logged and answered with a correlation id.
 *
 * Every message names the thing and, where there is one, the next step. `zh` carries the Chinese text that
 * the interface shows first; `message` is the English one.
 */

/** One finding about one place of an input: every validator returns all of them, not the first. */
export interface Issue {
  /** Where: a JSON pointer, a `row/column` name, or a configuration key. */
  path: string;
  /** Stable machine-readable kind, e.g. `required`, `citizen-number.check-digit`. */
  code: string;
  message: string;
  zh: string;
}

export const errorKinds = ["Input", "Authentication", "NotAllowed", "NotFound", "Conflict", "Unavailable"] as const;
export type ErrorKind = (typeof errorKinds)[number];

export interface RefusalOptions {
  zh?: string;
  /** Finer than the kind, e.g. `entry.not-editable`. */
  code?: string;
  issues?: Issue[];
  nextStep?: string;
  cause?: unknown;
}

export abstract class Refusal extends Error {
  abstract readonly kind: ErrorKind;
  readonly zh: string;
  readonly code: string | undefined;
  readonly issues: Issue[];
  readonly nextStep: string | undefined;
  constructor(message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.zh = options.zh ?? message;
    this.code = options.code;
    this.issues = options.issues ?? [];
    this.nextStep = options.nextStep;
  }
}

/** What was given cannot be taken: `issues` says where and why. */
export class InputError extends Refusal {
  readonly kind = "Input" as const;
}
/** Who is calling could not be established. */
export class AuthenticationError extends Refusal {
  readonly kind = "Authentication" as const;
}
/** The caller is known and may not do this. */
export class NotAllowedError extends Refusal {
  readonly kind = "NotAllowed" as const;
}
/** It is not there, or the caller may not know that it is: both read the same from outside. */
export class NotFoundError extends Refusal {
  readonly kind = "NotFound" as const;
}
/** The state it is in does not allow this, or somebody else was first. */
export class ConflictError extends Refusal {
  readonly kind = "Conflict" as const;
}
/** Something this depends on does not answer; the same call may succeed later. */
export class UnavailableError extends Refusal {
  readonly kind = "Unavailable" as const;
}

export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Refusal;
}

/** The text of whatever was thrown, with its causes, for logs and command-line output. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  return error.cause === undefined ? own : `${own}: ${describeError(error.cause)}`;
}
