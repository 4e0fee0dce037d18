import { createLoop, systemActor, type Kernel, type Loop } from "#platform";
import type { CheckService } from "./check-service.ts";

/** On which channel subscribers announce an applied batch (docs/architecture.md, 5). */
export const landingChannel = "zt_landing";

export interface CreateContinuousCheckOptions {
  kernel: Pick<Kernel, "notifier" | "log">;
  check: CheckService;
  definitions: readonly string[];
  /** Pause between looks without a notification: a lost one costs at most this. Default 30 s. */
  intervalMs?: number;
}

/**
 * Compares as evidence and claims arrive: woken by each applied batch, it looks at what changed since its position. With
 * nothing new it costs a few reads of `exchange_target.feed`.
 */
export function createContinuousCheck({ kernel, check, definitions, intervalMs = 30_000 }: CreateContinuousCheckOptions): Loop {
  const actor = systemActor("continuous-check");
  const loop = createLoop({
    name: "continuous-check",
    intervalMs,
    log: kernel.log,
    async run(signal) {
      for (const definition of definitions) {
        if (signal.aborted) return;
        await check.compareChanges(actor, definition);
      }
    },
  });
  let stopListening: (() => void) | undefined;
  return {
    start() {
      stopListening ??= kernel.notifier.listen(landingChannel, () => loop.wake());
      loop.start();
    },
    wake: () => loop.wake(),
    async stop() {
      stopListening?.();
      stopListening = undefined;
      await loop.stop();
    },
  };
}
