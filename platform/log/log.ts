import { pino, type Logger } from "pino";

/**
 * Structured log, to standard error so that standard output stays free for results. Row values, names and
 * citizen numbers never go into a log: log ids, counts and codes.
 */
export type Log = Logger;

export interface CreateLogOptions {
  level?: string;
  /** Human-readable lines instead of JSON, for a terminal. */
  pretty?: boolean;
  name?: string;
}

export function createLog(options: CreateLogOptions = {}): Log {
  const base = {
    name: options.name ?? "zhengtong",
    level: options.level ?? "info",
    redact: { paths: ["password", "*.password", "token", "*.token", "authorization", "*.authorization", "req.headers.authorization", "req.headers.cookie"], censor: "[redacted]" },
  };
  if (options.pretty) {
    return pino({ ...base, transport: { target: "pino-pretty", options: { destination: 2, translateTime: "SYS:HH:MM:ss", ignore: "pid,hostname,name" } } });
  }
  return pino(base, pino.destination({ dest: 2, sync: false }));
}

/** A log that keeps nothing: for tests and embedded use. */
export function createSilentLog(): Log {
  return pino({ level: "silent" });
}
