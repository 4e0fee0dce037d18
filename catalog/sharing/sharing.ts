import { defaultClockProfile, type ClockProfile } from "#standards";
import { createLoop, drainEvents, eventChannel, type Actor, type Kernel } from "#platform";
import { findEntry } from "../entries/entry-repository.ts";
import { findOrganisation } from "../organisations/organisation-repository.ts";
import { findApplication } from "../users/application-repository.ts";
import { createGrantAuthoriser } from "./authorise.ts";
import { createCorrections, type CorrectionService } from "./corrections.ts";
import { findCorrection } from "./correction-repository.ts";
import { createDeadlines, type DeadlineService, type OnEscalation } from "./deadlines.ts";
import { createDecisions } from "./decisions.ts";
import { createDisputes, type DisputeService } from "./disputes.ts";
import { createGrants, type GrantService } from "./grants.ts";
import { defaultIntakeLimits, type IntakeLimits } from "./intake.ts";
import { followRequests, type RequestProgress } from "./progress.ts";
import { waitingFor, type Request } from "./request-model.ts";
import { findRequest, listOpinions, updateRequest } from "./request-repository.ts";
import { createRequests, type RequestService } from "./requests.ts";
import { createReviews, type ReviewService } from "./reviews.ts";
import { createTasks, type TaskService } from "./tasks.ts";
import { createUsage, type UsageService } from "./usage.ts";
import { requestEvent, type SharingSources } from "./work.ts";

/** 共享: requests, their reviews and clocks, grants and what was done with them, corrections, disputes. */
export interface Sharing {
  requests: RequestService;
  reviews: ReviewService;
  grants: GrantService;
  usage: UsageService;
  corrections: CorrectionService;
  disputes: DisputeService;
  tasks: TaskService;
  calendar: Pick<DeadlineService, "importNotice" | "knownYears">;
  /** Request events as the caller may see them, from a position of the event log on. */
  follow(actor: Actor, options: { after?: number | undefined; requestId?: string | undefined }): AsyncIterableIterator<RequestProgress>;
  /** One turn of the background work: entries and feeds that changed, expiry, deadlines recomputed, escalations. */
  work(): Promise<{ followed: number; expired: number; recomputed: number; escalated: number }>;
  start(): void;
  stop(): Promise<void>;
}

export interface CreateSharingOptions {
  kernel: Kernel;
  /** Which regulation's clocks run. Default the regulation of 2025. */
  profile?: ClockProfile;
  limits?: Partial<IntakeLimits>;
  /** Pause between turns of the background work. Default one minute. */
  intervalMs?: number;
}

const feedEvent = "feed.changed";
const entryEvents = { "entry.suspended": "suspended", "entry.resumed": "resumed", "entry.withdrawn": "withdrawn" } as const;

export function createSharing({ kernel, profile = defaultClockProfile, limits: givenLimits = {}, intervalMs = 60_000 }: CreateSharingOptions): Sharing {
  const limits = { ...defaultIntakeLimits, ...givenLimits };
  const sources: SharingSources = { findEntry, findOrganisation, findApplication };

  const onEscalation: OnEscalation = async (tx, deadline, level) => {
    const about = { level, deadline: deadline.kind, dueOn: deadline.dueOn ?? null, missingYear: deadline.missingYear ?? null };
    if (deadline.subjectType === "correction") {
      const correction = await findCorrection(tx, deadline.subjectId);
      return correction && { subjectType: "correction", subjectId: correction.id, kind: "correction.escalated", organisationId: correction.providerOrganisationId, payload: { correctionId: correction.id, entryId: correction.entryId, state: correction.state, ...about } };
    }
    const request = await findRequest(tx, deadline.subjectId, "for update");
    if (request === undefined) return undefined;
    if (level === "overdue") {
      const overdue: Request = { ...request, overdue: true, updatedAt: kernel.clock.now() };
      await updateRequest(tx, { ...overdue, waitingFor: waitingFor(overdue, (await listOpinions(tx, [request.id])).get(request.id)!) });
    }
    return requestEvent(request, "request.escalated", about);
  };

  const authoriser = createGrantAuthoriser({ kernel });
  const deadlines = createDeadlines({ kernel, profile, onEscalation });
  const grants = createGrants({ kernel, sources, deadlines, authoriser, limits });
  const decisions = createDecisions({ kernel, deadlines, grants, limits });

  const followEvents = () =>
    drainEvents({
      database: kernel.database,
      eventLog: kernel.eventLog,
      name: "sharing",
      kinds: [...Object.keys(entryEvents), feedEvent],
      batchSize: 50,
      async handle(tx, events) {
        for (const event of events) {
          if (event.kind !== feedEvent) await grants.followEntry(tx, event.subjectId, entryEvents[event.kind as keyof typeof entryEvents]);
          // `provision` is the change by which a feed begins to flow (architecture, 3).
          else if (event.payload["change"] === "provision") await grants.followProvision(tx, String(event.payload["grantId"]));
        }
      },
    });

  const work = async () => ({ followed: await followEvents(), expired: await grants.expire(), recomputed: await deadlines.recompute(), escalated: await deadlines.escalate() });
  const eventsLoop = createLoop({ name: "sharing-events", intervalMs, log: kernel.log, run: async () => void (await followEvents()) });
  const clockLoop = createLoop({
    name: "sharing-clock",
    intervalMs,
    log: kernel.log,
    async run() {
      await grants.expire();
      await deadlines.recompute();
      await deadlines.escalate();
    },
  });
  let unlisten: (() => void) | undefined;

  return {
    requests: createRequests({ kernel, sources, deadlines, decisions, limits }),
    reviews: createReviews({ kernel, sources, deadlines, decisions, profile }),
    grants,
    usage: createUsage({ kernel }),
    corrections: createCorrections({ kernel, sources, deadlines }),
    disputes: createDisputes({ kernel, decisions }),
    tasks: createTasks({ kernel, deadlines }),
    calendar: { importNotice: deadlines.importNotice, knownYears: deadlines.knownYears },
    follow: (actor, options) => followRequests(kernel, actor, options),
    work,
    start() {
      authoriser.start();
      // A suspended or withdrawn entry stops its grants at once, not at the next turn.
      unlisten ??= kernel.notifier.listen(eventChannel, () => eventsLoop.wake());
      eventsLoop.start();
      clockLoop.start();
    },
    async stop() {
      unlisten?.();
      unlisten = undefined;
      authoriser.stop();
      await Promise.all([eventsLoop.stop(), clockLoop.stop()]);
    },
  };
}
