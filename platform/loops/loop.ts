import type { Log } from "../log/log.ts";
import { describeError } from "../errors/errors.ts";

/** A piece of background work: repeated, woken early, and stopped without leaving half of it behind. */
export interface Loop {
  start(): void;
  /** Work is waiting: run now instead of at the next interval. */
  wake(): void;
  /** Resolves when the running turn has ended. Safe to call twice. */
  stop(): Promise<void>;
}

export interface CreateLoopOptions {
  name: string;
  /** Pause between turns that found nothing to do. */
  intervalMs: number;
  log: Log;
  /** One turn; `true` means that there is more to do at once. */
  run(signal: AbortSignal): Promise<boolean | void>;
  /** Longest pause after failures. Default 30 s. */
  maxDelayMs?: number;
}

export function createLoop(options: CreateLoopOptions): Loop {
  const { name, intervalMs, log } = options;
  const maxDelayMs = options.maxDelayMs ?? 30_000;
  let running: Promise<void> | undefined;
  let abort = new AbortController();
  let wakeUp: (() => void) | undefined;
  let woken = false;

  const rest = (ms: number) =>
    new Promise<void>((done) => {
      if (woken || abort.signal.aborted) return done();
      const timer = setTimeout(done, ms);
      wakeUp = () => {
        clearTimeout(timer);
        done();
      };
    }).finally(() => {
      wakeUp = undefined;
      woken = false;
    });

  async function turnUntilStopped(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      let more: boolean | void = false;
      let delay = intervalMs;
      try {
        woken = false;
        more = await options.run(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        delay = Math.min(maxDelayMs, Math.max(intervalMs, 100) * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
        log.warn({ loop: name, failures, retryInMs: Math.round(delay), error: describeError(error) }, "background work failed; it will be tried again");
      }
      if (!more && !signal.aborted) await rest(delay);
    }
  }

  return {
    start() {
      if (running) return;
      abort = new AbortController();
      running = turnUntilStopped(abort.signal);
    },
    wake() {
      woken = true;
      wakeUp?.();
    },
    async stop() {
      abort.abort();
      wakeUp?.();
      await running;
      running = undefined;
    },
  };
}

/** Resources that are released last-in first-out, each attempted even if another fails. */
export interface Releasers {
  add(name: string, release: () => Promise<void> | void): void;
  releaseAll(): Promise<void>;
}

export function createReleasers(log: Log): Releasers {
  const stack: { name: string; release: () => Promise<void> | void }[] = [];
  return {
    add: (name, release) => void stack.push({ name, release }),
    async releaseAll() {
      for (let next = stack.pop(); next; next = stack.pop()) {
        try {
          await next.release();
        } catch (error) {
          log.warn({ resource: next.name, error: describeError(error) }, "release failed");
        }
      }
    },
  };
}
