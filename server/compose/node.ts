import { createNode, createProvider, type ExchangeNodeProcess, type SourceConfig } from "#exchange-nodes";
import { createMetrics, newId, type Clock, type Log, type SuiteName } from "#platform";
import { packageVersion } from "../version.ts";

export interface DepartmentNodeOptions {
  name: string;
  centerUrl: string;
  databaseUrl: string;
  log: Log;
  sources: readonly SourceConfig[];
  /** Databases that feeds are applied to, by name; `default` is the node's own. */
  targets: Record<string, string>;
  enrolmentCode?: string;
  suite?: SuiteName;
  ca?: string;
  /** Plain HTTP to another machine's centre: only where something else protects the line. */
  allowHttp?: boolean;
  clock?: Clock;
}

/** A department's exchange node: its sending side, its receiving side, and the one connection outwards. */
export function createDepartmentNode(options: DepartmentNodeOptions): ExchangeNodeProcess {
  return createNode({
    config: {
      name: options.name,
      softwareVersion: packageVersion,
      center: { url: options.centerUrl, ...(options.ca === undefined ? {} : { ca: options.ca }), ...(options.allowHttp === undefined ? {} : { allowHttp: options.allowHttp }) },
      databaseUrl: options.databaseUrl,
      targets: options.targets,
      sources: options.sources.map(({ name, kind, description }) => ({ name, kind, ...(description === undefined ? {} : { description }) })),
      ...(options.enrolmentCode === undefined ? {} : { enrolmentCode: options.enrolmentCode }),
      ...(options.suite === undefined ? {} : { suite: options.suite }),
    },
    log: options.log.child({ node: options.name }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.sources.length === 0
      ? {}
      : { createProvider: ({ client, database, nodeId, key, clock, log }) => createProvider({ gateway: client, nodeDatabase: database, nodeId, signingKey: key, clock, log, newId, metrics: createMetrics(), sources: options.sources }) }),
  });
}
