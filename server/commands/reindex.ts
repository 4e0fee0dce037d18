import { systemActor } from "#platform";
import { withCenterServices } from "./center-services.ts";

const phases = { loading: "reading the records", indexing: "building", "catching-up": "catching up", done: "done" };

/** Rebuilds the catalog index beside the one that serves, then switches; a rebuild that is broken off leaves the old one. */
export async function runReindex(options: { config?: string }): Promise<void> {
  await withCenterServices(options, async ({ catalog }) => {
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const result = await catalog.search.rebuild(systemActor("reindex"), {
      signal: stop.signal,
      onProgress: ({ phase, done, total }) => void process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${phases[phase]} ${done}/${total}` : done === total ? `${phases[phase]} ${done}/${total}\n` : ""),
    });
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[2K");
    process.stdout.write(`index generation ${result.generation} serves ${result.documents} entries${result.parked > 0 ? `; ${result.parked} entries could not be indexed, see indexStatus` : ""}\n`);
  });
}
