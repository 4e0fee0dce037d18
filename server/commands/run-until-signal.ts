import type { Log } from "#platform";

/**
 * Resolves at the first SIGINT or SIGTERM, so that the caller can stop in order; a second one ends the process at
 * once, which is safe too: whatever was not committed is taken up again at the next start.
 */
export function untilSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise((done) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) process.exit(130);
      asked = true;
      log.info({ signal }, "stopping");
      done(signal);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
