/**
 * Long polls: callers wait under a key until a value they look up satisfies them. A wake is only a hint to look again;
 * each waiter looks once before it waits, after it has registered, so no wake between is lost.
 */
export interface Waiters {
  wait<T>(key: string, timeoutMs: number, signal: AbortSignal | undefined, look: () => Promise<T>, satisfied: (value: T) => boolean): Promise<boolean>;
  wake(key: string): void;
  wakeAll(): void;
}

export function createWaiters(): Waiters {
  const waiting = new Map<string, Set<() => void>>();

  return {
    async wait(key, timeoutMs, signal, look, satisfied) {
      let wake: (() => void) | undefined;
      let woken = false;
      let over = signal?.aborted ?? false;
      const onWake = () => {
        woken = true;
        wake?.();
      };
      const end = () => {
        over = true;
        wake?.();
      };
      const timer = setTimeout(end, timeoutMs);
      signal?.addEventListener("abort", end, { once: true });
      let set = waiting.get(key);
      if (!set) waiting.set(key, (set = new Set()));
      set.add(onWake);
      try {
        for (;;) {
          woken = false;
          if (satisfied(await look())) return true;
          if (over) return false;
          if (!woken) {
            await new Promise<void>((done) => {
              wake = done;
              if (woken || over) done();
            });
            wake = undefined;
          }
          if (over) return satisfied(await look());
        }
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        set.delete(onWake);
        if (set.size === 0 && waiting.get(key) === set) waiting.delete(key);
      }
    },
    wake: (key) => waiting.get(key)?.forEach((run) => run()),
    wakeAll: () => waiting.forEach((set) => set.forEach((run) => run())),
  };
}
