import { maskRules, type Grant } from "#standards";
import type { CorrectionDesk, LifecycleAuthority } from "#base-databases";
import type { Catalog } from "#catalog";
import type { ExchangeCatalog } from "#exchange-nodes";
import { findEntry } from "#catalog";
import { describeError, NotFoundError } from "#platform";

/** The joints between folders that do not know each other: what one asks is answered with the services of another. */
export function createExchangeCatalog(catalog: Catalog): ExchangeCatalog {
  return {
    async findGrant(reader, grantId) {
      try {
        return await catalog.sharing.grants.getGrant(reader, grantId);
      } catch (error) {
        if (error instanceof NotFoundError) return undefined;
        throw error;
      }
    },
    async findEntry(reader, entryId) {
      const entry = await findEntry(reader, entryId);
      return entry && { id: entry.id, code: entry.resourceId, title: entry.content.title, organisationId: entry.organisationId, state: entry.state, items: entry.content.items ?? [] };
    },
    authorise: (question) => catalog.sharing.grants.authorise(question),
    async confirmStopped(actor, grantId, party) {
      await catalog.sharing.grants.confirmStopped(actor, grantId, party);
    },
  };
}

/** Contradictions of the bases become 校核 requests to the department that contradicts. */
export function createCorrectionDesk(catalog: Catalog): CorrectionDesk {
  return {
    async raise(actor, corrections) {
      const inputs = corrections.map((correction) => ({
        entryId: correction.entryId,
        field: correction.field,
        rowKey: correction.rowKey,
        givenValue: correction.givenValue,
        ...(correction.expectedValue === undefined ? {} : { expectedValue: correction.expectedValue }),
        evidence: correction.evidence.zh,
      }));
      try {
        const { correctionIds } = await catalog.sharing.corrections.raiseMany(actor, inputs);
        return corrections.map((correction, index) => ({ reference: correction.reference, correctionId: correctionIds[index]! }));
      } catch (error) {
        return corrections.map((correction) => ({ reference: correction.reference, problem: describeError(error) }));
      }
    },
    async closeAsCorrected(actor, closures) {
      await catalog.sharing.corrections.closeAsCorrected(actor, closures.map(({ entryId, field, rowKey }) => ({ entryId, field, rowKey })));
    },
  };
}

/** What an actor may see of a person's or firm's life: its own department's rows, and what its department's active grants name. */
export function createLifecycleAuthority(catalog: Catalog): LifecycleAuthority {
  return {
    async permits(actor, { sources }) {
      if (actor.organisationId === undefined) return [];
      const grants = await catalog.kernel.database.read((reader) => catalog.sharing.grants.listGrants(reader, { consumerOrganisationId: actor.organisationId!, states: ["active"], limit: 1_000 }));
      return sources.flatMap((source) => {
        if (source.organisationId === actor.organisationId) return [{ sourceId: source.sourceId }];
        // An application's grant is the application's: people of its department see only what the department was granted.
        const grant = grants.find((candidate) => candidate.entryId === source.entryId && candidate.applicationId === actor.applicationId);
        return grant ? [{ sourceId: source.sourceId, ...permitOf(grant) }] : [];
      });
    },
  };
}

function permitOf(grant: Grant): { grantId: string; fields: string[]; masks?: Record<string, (typeof maskRules)[number]>; rowCondition?: NonNullable<Grant["rowCondition"]> } {
  return { grantId: grant.id, fields: grant.fields, ...(grant.masks === undefined ? {} : { masks: grant.masks }), ...(grant.rowCondition === undefined ? {} : { rowCondition: grant.rowCondition }) };
}

