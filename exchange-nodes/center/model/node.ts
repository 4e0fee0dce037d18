import type { NodeManifest } from "#standards";
import type { SuiteName } from "#platform";
import type { Heartbeat, SourceSchemaReport } from "../../protocol/assignments.ts";

export type NodeState = "invited" | "enrolled" | "suspended" | "retired";
export type NodeHealthState = "unknown" | "ok" | "degraded" | "silent";

/** The one transition table of nodes. */
export const nodeTransitions = {
  invite: { from: [], to: "invited" },
  enrol: { from: ["invited"], to: "enrolled" },
  suspend: { from: ["enrolled"], to: "suspended" },
  resume: { from: ["suspended"], to: "enrolled" },
  retire: { from: ["invited", "enrolled", "suspended"], to: "retired" },
} as const satisfies Record<string, { from: readonly NodeState[]; to: NodeState }>;
export type NodeChange = keyof typeof nodeTransitions;

/** An exchange node as the centre knows it. */
export interface ExchangeNode {
  id: string;
  name: string;
  organisationId: string;
  state: NodeState;
  stateReason?: string;
  suite?: SuiteName;
  publicKey?: string;
  sealingKey?: string;
  manifest?: NodeManifest;
  createdAt: Date;
  enrolledAt?: Date;
  lastSeenAt?: Date;
  /** The node's clock minus the centre's. */
  skewMs?: number;
  health: NodeHealthState;
  /** What is wrong, when the health is `degraded`: one sentence each. */
  healthDetail: { problems: { code: string; message: string; zh: string }[] };
  heartbeat?: Heartbeat;
  assignmentsVersion: number;
}

/** An enrolled node, with what enrolment gave it. */
export type EnrolledNode = ExchangeNode & Required<Pick<ExchangeNode, "suite" | "publicKey" | "sealingKey">>;

export interface StoredSourceSchema extends SourceSchemaReport {
  nodeId: string;
  reportedAt: Date;
}

/** The members of a node that access scopes look at. */
export interface NodeScopeSubject {
  id: string;
  organisationId: string;
}
