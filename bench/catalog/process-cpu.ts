import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * CPU time that processes have used, from /proc: what a request costs does not depend on who else uses the machine,
 * unlike its latency. Undefined where there is no /proc.
 */
const tickSeconds = 0.01;

function statOf(pid: number): { parent: number; seconds: number } | undefined {
  try {
    // The name in brackets may hold anything; fields are counted after it.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) * tickSeconds };
  } catch (error) {
    // Processes end while the list is read.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ESRCH") return undefined;
    throw error;
  }
}

export function cpuSecondsOf(pid: number): number | undefined {
  return statOf(pid)?.seconds;
}

/** Of a PostgreSQL server's own processes, its connections among them. */
export function cpuSecondsOfPostgres(directory: string): number | undefined {
  const postmaster = Number(readFileSync(join(directory, "postmaster.pid"), "utf8").split("\n")[0]);
  let list: string[];
  try {
    list = readdirSync("/proc");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return list.map(Number).filter(Number.isInteger).map(statOf).reduce((sum, stat) => sum + (stat?.parent === postmaster ? stat.seconds : 0), 0);
}
