// A worker has no TypeScript loader of its own, whatever started the process (tsx, vitest): register one, then run.
import { register } from "tsx/esm/api";

register();
await import("./read-worker.ts");
