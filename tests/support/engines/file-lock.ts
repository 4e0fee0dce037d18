import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

function holderOf(lock: string): number | undefined {
  try {
    return Number(readFileSync(`${lock}/pid`, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Holds `<path>.lock` while it works; a lock whose holder has died is taken over. For processes of one machine. */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  for (let nameless = 0; ; ) {
    try {
      mkdirSync(lock);
      writeFileSync(`${lock}/pid`, String(process.pid));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = holderOf(lock);
    nameless = holder === undefined ? nameless + 1 : 0;
    // Between making the folder and writing the number there is a moment; ten looks without one mean that its maker died.
    if (nameless > 10 || (holder !== undefined && !lives(holder))) rmSync(lock, { recursive: true, force: true });
    else await sleep(200);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
