import { getCodeSet } from "#standards";
import { createLoop, eventChannel, type Actor, type Kernel } from "#platform";
import type { CatalogIndex } from "./catalog-index.ts";
import { createCatalogChanges, type CatalogChanges } from "./catalog-changes.ts";
import { addViews } from "./entry-records.ts";
import { createPostgresCatalogIndex } from "./postgres/postgres-catalog-index.ts";
import { createIndexProjection, type IndexProjection, type RebuildOptions, type RebuildResult } from "./projection.ts";
import { createSearchService, type SearchService } from "./search-service.ts";
import { organisationWords, placeWords, readBuiltInWords, readUserDictionary } from "./text/dictionary.ts";
import { createTokeniser, type Tokeniser } from "./text/tokeniser.ts";

/** Search and the graph of entries: the index, what keeps it current, and the questions that may be asked of it. */
export interface CatalogSearch extends SearchService {
  changes: CatalogChanges;
  /** Builds the index anew while the old one serves. */
  rebuild(actor: Actor, options?: RebuildOptions): Promise<RebuildResult>;
  /** Takes in everything that has happened, now; builds the index when there is none. For tests and commands: the loop does it by itself. */
  bringUpToDate(): Promise<void>;
  /** Somebody opened the entry's page. Counted in memory and written from time to time; a view or two may be lost. */
  recordView(entryId: string): void;
  start(): void;
  stop(): Promise<void>;
}

export interface CreateCatalogSearchOptions {
  kernel: Kernel;
  /** Default: the PostgreSQL adapter in the kernel's database. */
  index?: CatalogIndex;
  tokeniser?: Tokeniser;
  /** A user's dictionary, for the default tokeniser. */
  dictionaryPath?: string;
  /** Milliseconds that only rise, for deadlines of walks. */
  monotonicMs?: () => number;
}

/** Provinces, cities, districts of GB/T 2260, domain words, and the user's own. */
export function createCatalogTokeniser(dictionaryPath?: string): Tokeniser {
  return createTokeniser({ words: [...readBuiltInWords(), ...placeWords(placeNames()), ...(dictionaryPath === undefined ? [] : readUserDictionary(dictionaryPath))] });
}

const placeNames = () => getCodeSet("GB/T 2260").entries.map((entry) => entry.label).filter((name) => name !== "市辖区" && name !== "县");

const flushEveryMs = 30_000;

export function createCatalogSearch({ kernel, index: givenIndex, tokeniser: givenTokeniser, dictionaryPath, monotonicMs = () => performance.now() }: CreateCatalogSearchOptions): CatalogSearch {
  const { database, access, clock, log, notifier } = kernel;
  // The dictionary costs 200 ms and 100 MB: only who searches or indexes pays for it.
  let made: { tokeniser: Tokeniser; index: CatalogIndex; projection: IndexProjection; service: SearchService } | undefined;
  const parts = () => (made ??= make());
  function make() {
    const tokeniser = givenTokeniser ?? createCatalogTokeniser(dictionaryPath);
    const index = givenIndex ?? createPostgresCatalogIndex({ database, access, clock, log, monotonicMs });
    const places = new Set(placeWords(placeNames()));
    const projection = createIndexProjection({ kernel, index, tokeniser, organisationWords: (names) => [...names].flatMap((name) => organisationWords(name, places)) });
    return { tokeniser, index, projection, service: createSearchService({ kernel, index, tokeniser }) };
  }

  const views = new Map<string, number>();
  let lastFlush = 0;
  async function flushViews(): Promise<void> {
    lastFlush = monotonicMs();
    if (views.size === 0) return;
    const taken = new Map(views);
    views.clear();
    const noticed = await database.withTransaction((tx) => addViews(tx, taken));
    await parts().projection.refresh(noticed);
  }

  async function buildFirst(signal: AbortSignal | undefined): Promise<void> {
    try {
      await parts().projection.rebuild({ wait: true, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }

  async function turn(signal?: AbortSignal): Promise<boolean> {
    const outcome = await parts().projection.step();
    if (outcome === "missing") await buildFirst(signal);
    if (monotonicMs() - lastFlush >= flushEveryMs) await flushViews();
    return outcome === "more" || outcome === "missing";
  }

  const loop = createLoop({ name: "catalog-index", intervalMs: 5_000, log, run: turn });
  let stopListening: (() => void) | undefined;

  return {
    search: (...given) => parts().service.search(...given),
    suggest: (...given) => parts().service.suggest(...given),
    related: (...given) => parts().service.related(...given),
    lineage: (...given) => parts().service.lineage(...given),
    impact: (...given) => parts().service.impact(...given),
    path: (...given) => parts().service.path(...given),
    sharedItems: (...given) => parts().service.sharedItems(...given),
    find: (...given) => parts().service.find(...given),
    status: (...given) => parts().service.status(...given),
    organisationNames: (...given) => parts().service.organisationNames(...given),
    changes: createCatalogChanges({ kernel }),
    async rebuild(actor, options) {
      access.assert(actor, "catalog-index", "rebuild", {});
      return parts().projection.rebuild(options);
    },
    async bringUpToDate() {
      const { index, projection } = parts();
      const head = await database.read((reader) => kernel.eventLog.head(reader));
      for (;;) {
        await turn();
        // Another process may be at it: then its batch is waited for.
        await projection.refresh([]);
        const serving = await index.serving();
        if (serving !== undefined && serving.position >= head) break;
      }
      await flushViews();
    },
    recordView(entryId) {
      views.set(entryId, (views.get(entryId) ?? 0) + 1);
    },
    start() {
      stopListening ??= notifier.listen(eventChannel, () => loop.wake());
      loop.start();
    },
    async stop() {
      stopListening?.();
      stopListening = undefined;
      await loop.stop();
      await flushViews();
    },
  };
}
