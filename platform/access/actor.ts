/**
 * Who is doing something. Required by every service method, never defaulted: there is no code path to data
 * that does not name an actor.
 */
import type { OrganisationKind, Role } from "#standards";

export interface Actor {
  id: string;
  kind: "user" | "application" | "node" | "system" | "anonymous";
  /** The department it acts for. Absent only for the system and for anonymous callers. */
  organisationId?: string;
  /** What kind of body that is: an administrator of the city data office manages all departments. */
  organisationKind?: OrganisationKind;
  roles: readonly Role[];
  /** For an application: its own id, the subject of grants. */
  applicationId?: string;
  name?: string;
  /** The log-in session, for a user who came with one. */
  sessionId?: string;
  /** Where the call came from, for the audit log. */
  sourceAddress?: string;
  correlationId?: string;
  /** Through what it came: a GraphQL mutation, an HTTP route, a command; for the audit log. */
  operation?: string;
}

/** Automatic work of the platform itself (projections, expiry, escalation); `part` names which. */
export function systemActor(part: string): Actor {
  return { id: `system:${part}`, kind: "system", roles: [], name: part };
}

/** A caller who has not logged in: may log in and enrol, nothing else. */
export const anonymousActor: Actor = { id: "anonymous", kind: "anonymous", roles: [] };
