import type { Engine } from "./engine.ts";

export interface LocalEngineOptions {
  /** As an operator runs it. Default: for tests, which are over before a thorough compiler or a fresh plan pays (measured: a third less processor time). */
  forMeasuring?: boolean;
}

/** How one kind of engine is had, in the order in which it is tried: environment, Docker, a local process. */
export interface EngineKind {
  /** As people know it, with its version: "Kafka 4.1.2". */
  title: string;
  /** Names the address of a server that is already there; such a one is shared, so only that it answers is assumed. */
  environmentVariable: string;
  /** Started, in a container; asked for only where a Docker engine answers. */
  openInDocker: () => Promise<Engine>;
  /** Started, as a process of this machine; throws, telling what is missing, where it cannot be. */
  openLocally: (options?: LocalEngineOptions) => Promise<Engine>;
}
