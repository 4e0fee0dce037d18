// The container's health. A centre: whether it and its databases are ready. A node (ZHENGTONG_NODE_NAME is set): whether
// its last word with the centre, which it notes in this file, is recent; else the running process is all there is to ask.
import { statSync } from "node:fs";

const staleAfterMs = 60_000;

async function problem() {
  const { ZHENGTONG_NODE_NAME: node, ZHENGTONG_NODE_HEALTH_FILE: file, ZHENGTONG_PORT: port = "8700" } = process.env;
  if (node !== undefined) {
    if (file === undefined) return undefined;
    const ageMs = Date.now() - statSync(file).mtimeMs;
    return ageMs > staleAfterMs ? `no word from the centre for ${Math.round(ageMs / 1000)} s` : undefined;
  }
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(4_000) });
  return answer.ok ? undefined : await answer.text();
}

const found = await problem().catch((error) => String(error));
if (found !== undefined) {
  process.stderr.write(`${found}\n`);
  process.exitCode = 1;
}
