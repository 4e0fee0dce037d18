import type { CommandOutcome, FeedHealth, NodeCommand, ProviderAssignment, SourceHealth, SourceSchemaReport } from "../protocol/assignments.ts";

/** The sending side of a node, as its composition sees it. */
export interface NodeProvider {
  start(): Promise<void> | void;
  stop(): Promise<void>;
  /** Everything that this node provides now. */
  update(assignments: readonly ProviderAssignment[]): Promise<void> | void;
  /** Does a command once; the composition keeps the outcome and acknowledges it. */
  command(command: NodeCommand): Promise<CommandOutcome>;
  health(): { feeds: FeedHealth[]; sources: SourceHealth[] };
  /** What its sources look like now. */
  sourceSchemas(): Promise<SourceSchemaReport[]>;
}
