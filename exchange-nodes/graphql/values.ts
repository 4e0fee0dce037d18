import { InputError, type DomainEvent, type Kernel } from "#platform";

/** A page of a list in keyset order, as Relay wants it. */
export interface PageArguments {
  first?: number | null | undefined;
  after?: string | null | undefined;
}

const defaultPage = 50;
const maximumPage = 200;

export function pageSize({ first }: PageArguments): number {
  const size = first ?? defaultPage;
  if (!Number.isInteger(size) || size < 1 || size > maximumPage) throw new InputError(`A page has 1 to ${maximumPage} rows, not ${size}`, { zh: `每页 1 至 ${maximumPage} 条`, code: "page.size" });
  return size;
}

export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

export function decodeCursor(cursor: string | null | undefined, length: number): string[] | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(key) && key.length === length && key.every((part) => typeof part === "string")) return key as string[];
  } catch (cause) {
    throw new InputError("The cursor cannot be read", { zh: "分页游标无效", code: "page.cursor", nextStep: "Ask for the first page again, without a cursor.", cause });
  }
  throw new InputError("The cursor is not one of this list", { zh: "分页游标不属于此列表", code: "page.cursor", nextStep: "Ask for the first page again, without a cursor." });
}

/** From one row more than asked for: the connection, and whether there is another page. */
export function toConnection<Row>(rows: readonly Row[], size: number, keyOf: (row: Row) => readonly string[]) {
  const edges = rows.slice(0, size).map((node) => ({ node, cursor: encodeCursor(keyOf(node)) }));
  return { edges, pageInfo: { hasNextPage: rows.length > size, hasPreviousPage: false, startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null } };
}

/** An iterator whose `return` reaches what it waits for: a client that leaves ends the work for it at once. */
export function cancellable<T>(run: (signal: AbortSignal) => AsyncGenerator<T>): AsyncIterableIterator<T> {
  const abort = new AbortController();
  const inner = run(abort.signal);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => inner.next(),
    async return() {
      abort.abort();
      return inner.return(undefined);
    },
    async throw(error: unknown) {
      abort.abort();
      return inner.throw(error);
    },
  };
}

/** Events of the log from now on, read by position and woken by notification. */
export async function* followEvents(kernel: Kernel, channel: string, kinds: readonly string[], signal: AbortSignal): AsyncGenerator<DomainEvent> {
  let woken = false;
  let wake: (() => void) | undefined;
  const ring = () => {
    woken = true;
    wake?.();
  };
  const stopListening = kernel.notifier.listen(channel, ring);
  signal.addEventListener("abort", ring, { once: true });
  try {
    let position = await kernel.database.read((reader) => kernel.eventLog.head(reader));
    while (!signal.aborted) {
      const events = await kernel.database.read((reader) => kernel.eventLog.readAfter(reader, position, 200, kinds));
      for (const event of events) {
        position = event.position;
        yield event;
      }
      if (events.length > 0) continue;
      if (!woken) await new Promise<void>((done) => (wake = done));
      woken = false;
    }
  } finally {
    stopListening();
    signal.removeEventListener("abort", ring);
  }
}
