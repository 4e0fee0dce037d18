import type { CatalogEntry } from "#standards";
import { newId, type Actor } from "#platform";
import { insertEntries } from "../../entries/entry-repository.ts";
import { createTestCatalog, type TestCatalog } from "../../testing/test-catalog.ts";
import type { EntryState, Organisation } from "../../model/types.ts";
import type { CreateSharingOptions } from "../sharing.ts";
import type { RequestContent, ReviewOffice } from "../request-model.ts";

/** A city with a provider, a consumer and the four offices, and entries that are published already. */
export interface SharingFixture extends TestCatalog {
  provider: Organisation;
  consumer: Organisation;
  people: {
    clerk: Actor;
    head: Actor;
    provider: Actor;
    otherProvider: Actor;
    providerNode: Actor;
    city: Actor;
    auditor: Actor;
    cityAdministrator: Actor;
    stranger: Actor;
    offices: Record<ReviewOffice, Actor>;
  };
  entry(overrides?: Partial<CatalogEntry>, state?: EntryState): Promise<string>;
  changeEntry(entryId: string, overrides: Partial<CatalogEntry>, state?: EntryState): Promise<void>;
  contentFor(entryId: string, overrides?: Partial<RequestContent>): RequestContent;
  /** Drafted and submitted by the clerk, approved by the head. */
  sentRequest(entryId: string, overrides?: Partial<RequestContent>): Promise<string>;
  eventsOf(subjectId: string): Promise<{ kind: string; payload: Record<string, unknown> }[]>;
}

export const items: NonNullable<CatalogEntry["items"]> = [
  { name: "公民身份号码", field: "citizen_number", type: "C", length: 18, key: true, personal: true, sensitivity: "L3", format: "citizen-number" },
  { name: "姓名", field: "name", type: "C", length: 30, personal: true, sensitivity: "L3" },
  { name: "区划", field: "region_code", type: "C", length: 6 },
  { name: "死亡日期", field: "died_on", type: "D" },
  { name: "金额", field: "amount", type: "N", length: 12, scale: 2 },
];

export const entryContent = (title: string, overrides: Partial<CatalogEntry> = {}): CatalogEntry => ({
  title,
  abstract: "殡葬机构登记的死亡信息",
  themeCodes: ["ZRB00"],
  format: { class: "database", types: ["PostgreSQL"] },
  items,
  sharingType: "conditional",
  sharingCondition: "用于待遇资格核验",
  sharingMethod: ["feed", "query-service"],
  updateCycle: "daily",
  open: false,
  sensitivity: "L3",
  ...overrides,
});

let made = 0;

export async function createSharingFixture(options: { start?: string; sharing?: Omit<CreateSharingOptions, "kernel"> } = {}): Promise<SharingFixture> {
  const base = await createTestCatalog({ start: options.start ?? "2026-11-23T01:00:00.000Z", ...(options.sharing === undefined ? {} : { sharing: options.sharing }) });
  const { catalog, actor, department, cityDataOffice, db, clock } = base;
  const { sharing } = catalog;
  const provider = await department("杭州市民政局");
  const consumer = await department("杭州市人力资源和社会保障局");
  const third = await department("杭州市统计局");
  const cityAdministrator = actor(cityDataOffice, "administrator");
  const offices = {} as Record<ReviewOffice, Actor>;
  for (const [office, name] of [["informatisation", "市信息化办公室"], ["supervision", "市监察局"], ["legal-affairs", "市法制办"], ["secrecy", "市保密局"]] as const) {
    const body = await department(name);
    await sharing.reviews.assignOffice(cityAdministrator, office, body.id);
    offices[office] = actor(body, "review-office");
  }
  const people: SharingFixture["people"] = {
    clerk: actor(consumer, "analyst"),
    head: actor(consumer, "approver"),
    provider: actor(provider, "approver"),
    otherProvider: actor(provider, "approver"),
    providerNode: actor(provider, "node-operator"),
    city: actor(cityDataOffice, "city-reviewer"),
    auditor: actor(cityDataOffice, "auditor"),
    cityAdministrator,
    stranger: actor(third, "analyst", "approver"),
    offices,
  };

  const contentFor: SharingFixture["contentFor"] = (entryId, overrides = {}) => ({
    entryId,
    legalBasis: "《失业保险条例》第十五条",
    purpose: "失业待遇资格核验",
    scene: "每月对领取失业保险金人员进行比对",
    fields: ["name", "died_on"],
    deliveryMode: "feed",
    frequency: "daily",
    validUntil: "2027-11-30",
    ...overrides,
  });

  return {
    ...base,
    provider,
    consumer,
    people,
    contentFor,
    async entry(overrides = {}, state = "published") {
      made += 1;
      const id = newId("entry");
      const content = entryContent(`死亡登记信息 ${made}`, overrides);
      await db.database.withTransaction(async (tx) => {
        await insertEntries(tx, [{ id, code: `307${String(made).padStart(3, "0")}/1`, resourceId: `33A099/${made}`, organisationId: provider.id, state, version: "1.0", content, completeness: 90, createdAt: clock.now(), updatedAt: clock.now(), publishedAt: clock.now(), createdBy: "somebody", editedBy: "somebody" }]);
        await tx.query("update catalog.entry set state = $2 where id = $1", [id, state]);
      });
      return id;
    },
    async changeEntry(entryId, overrides, state) {
      await db.database.withTransaction((tx) => tx.query("update catalog.entry set content = content || $2::jsonb, sharing_type = coalesce($2::jsonb ->> 'sharingType', sharing_type), state = coalesce($3, state) where id = $1", [entryId, JSON.stringify(overrides), state ?? null]));
    },
    async sentRequest(entryId, overrides = {}) {
      const draft = await sharing.requests.createDraft(people.clerk, contentFor(entryId, overrides));
      await sharing.requests.submit(people.clerk, draft.id);
      await sharing.requests.approveInternally(people.head, draft.id);
      return draft.id;
    },
    async eventsOf(subjectId) {
      const { rows } = await db.database.read((reader) => reader.query<{ kind: string; payload: Record<string, unknown> }>("select kind, payload from platform.event_log where subject_id = $1 order by position", [subjectId]));
      return rows;
    },
  };
}
