import { isIndustryCode, isSocialCreditCode, isThemeCode, roles, schemas, sharingTypes, type CatalogEntry, type Grant, type Role, type SharingType } from "#standards";
import { anonymousActor, createAccess, createAuditLog, createEventLog, createManualClock, createMetrics, createNotifier, createSilentLog, createValidator, newId, platformMigrations, systemActor, type Actor, type Kernel } from "#platform";
import { catalogAccessRules, catalogMigrations, createCatalog, entryStates, type Catalog, type Entry, type EntryState, type Organisation } from "#catalog";
import { createTestDatabase, type TestDatabase } from "#test-support";
import type { OpenCatalogIndex } from "../../contracts/catalog-index/open-contract.ts";

/**
 * A city that holds one entry of every kind (state × sharing type × open × whose) and one caller of every kind (role ×
 * department relation, applications with and without a grant, nodes, nobody).
 */
export interface MatrixCity {
  catalog: Catalog;
  kernel: Kernel;
  db: TestDatabase;
  /** Published, open; the origin of every entry of `own`. */
  root: Entry;
  entries: MatrixEntry[];
  /** Of one of the entries, to an application of a third department. */
  grant: Grant;
  callers: Caller[];
  drop(): Promise<void>;
}

export interface MatrixEntry {
  id: string;
  code: string;
  kind: string;
  /** A text with which its title, its keyword and one of its items begin, and nothing of any other entry. */
  mark: string;
  organisationId: string;
  derived: boolean;
}

export interface Caller {
  name: string;
  actor: Actor;
}

/**
 * What the decision on entries depends on for a caller: its scopes, and its department where a scope asks for it.
 * Callers that agree in it are told apart by nothing that decides.
 */
export function decisionOf(kernel: Kernel, actor: Actor): string {
  const scopes = [...kernel.access.scopes(actor, "entry", "see")].sort();
  return JSON.stringify([actor.kind, scopes, scopes.includes("own-department") ? actor.organisationId : "", scopes.includes("city-administrator") ? actor.organisationKind : ""]);
}

export function contentOf(mark: string, sharingType: SharingType, open: boolean, derivedFrom: string[]): CatalogEntry {
  return {
    title: `${mark}登记信息`,
    abstract: "为核对访问控制而登记的数据,每一种类别一条。",
    keywords: [`${mark}关键词`],
    themeCodes: ["ZEA00"],
    guideCategory: "203",
    contact: "0571-85000000",
    format: { class: "database", types: ["postgresql"] },
    items: [{ name: "统一编号", field: "number", type: "C", length: 20, key: true, required: true }, { name: `${mark}指标项`, field: "value", type: "C", length: 20 }, { name: "共有指标项", field: "common", type: "C", length: 20 }],
    sharingType,
    ...(sharingType === "conditional" ? { sharingCondition: "用于核查" } : {}),
    ...(sharingType === "refused" ? { refusalBasis: "《中华人民共和国统计法》第九条" } : {}),
    sharingMethod: ["feed"],
    useConditions: "谁使用谁负责",
    open,
    ...(open && sharingType === "conditional" ? { openCondition: "实名使用" } : {}),
    updateCycle: "monthly",
    sensitivity: "L1",
    derivedFrom,
    relatedCodes: derivedFrom,
  };
}

const marks = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥";
/** Two of the stems and branches and one more: no mark begins another. */
const markOf = (index: number) => `${marks[index % 22]}${marks[Math.floor(index / 22) % 22]}号专题`;

export async function createMatrixCity(openIndex?: OpenCatalogIndex): Promise<MatrixCity> {
  const db = await createTestDatabase([platformMigrations, catalogMigrations]);
  const clock = createManualClock("2026-11-23T01:00:00.000Z");
  const log = createSilentLog();
  const { database } = db;
  const kernel: Kernel = {
    database, clock, newId, log,
    access: await createAccess(catalogAccessRules),
    audit: createAuditLog({ clock }),
    eventLog: createEventLog({ clock, newId }),
    notifier: createNotifier({ database, log }),
    validator: createValidator({
      schemas: Object.values(schemas),
      formats: [
        { name: "theme-code", test: isThemeCode, message: "is not a theme code", zh: "不是主题分类代码" },
        { name: "industry-code", test: isIndustryCode, message: "is not an industry code", zh: "不是行业分类代码" },
        { name: "social-credit-code", test: isSocialCreditCode, message: "is not a social credit code", zh: "不是统一社会信用代码" },
      ],
    }),
    metrics: createMetrics(),
  };
  await kernel.notifier.start();
  const index = await openIndex?.(kernel);
  const catalog = createCatalog({ kernel, ...(index === undefined ? {} : { search: { index: index.index } }) });
  const system = systemActor("test");
  const organisation = (name: string, kind: Organisation["kind"]) => catalog.organisations.create(system, { name, kind, regionCode: "330100" });
  const city = await organisation("杭州市数据资源管理局", "city-data-office");
  const own = await organisation("杭州市民政局", "department");
  const other = await organisation("杭州市统计局", "department");
  const third = await organisation("杭州市财政局", "department");
  const user = (of: Organisation, ...has: Role[]): Actor => ({ id: `user_${of.id}_${has.join("-")}`, kind: "user", organisationId: of.id, organisationKind: of.kind, roles: has });

  const publishMany = async (ids: readonly string[], of: Organisation, upTo: EntryState): Promise<void> => {
    const done = (outcomes: readonly { done: boolean }[]) => {
      const refused = outcomes.find((outcome) => !outcome.done);
      if (refused !== undefined) throw new Error(`The matrix city is not what the catalog takes: ${JSON.stringify(refused)}`);
    };
    if (upTo === "draft") return;
    done(await catalog.entries.submitMany(user(of, "cataloguer"), ids));
    if (upTo === "department-review") return;
    done(await catalog.entries.approveMany(user(of, "approver"), ids));
    if (upTo === "city-review") return;
    done(await catalog.entries.approveMany(user(city, "city-reviewer"), ids));
    if (upTo === "published") return;
    for (const id of ids) await (upTo === "suspended" ? catalog.entries.suspend(user(of, "approver"), id, "系统维护") : catalog.entries.withdraw(user(of, "approver"), id, "职责调整"));
  };

  const draft = await catalog.entries.createDraft(user(third, "cataloguer"), third.id, contentOf("源头数据", "unconditional", true, []));
  await publishMany([draft.id], third, "published");
  const root = await catalog.entries.get(system, draft.id);

  const entries: MatrixEntry[] = [];
  for (const of of [own, other]) {
    for (const state of entryStates) {
      const made: MatrixEntry[] = [];
      for (const sharingType of sharingTypes) {
        for (const open of [false, true]) {
          const mark = markOf(entries.length + made.length);
          // What is refused cannot be submitted as open; it is made so below, to see that even then it is not shown.
          const entry = await catalog.entries.createDraft(user(of, "cataloguer"), of.id, contentOf(mark, sharingType, open && sharingType !== "refused", of === own ? [root.code] : []));
          made.push({ id: entry.id, code: entry.code, kind: `${of === own ? "own" : "other"} ${state} ${sharingType}${open ? " open" : ""}`, mark, organisationId: of.id, derived: of === own });
        }
      }
      await publishMany(made.map((entry) => entry.id), of, state);
      entries.push(...made);
    }
  }
  const forcedOpen = entries.filter((entry) => entry.kind.endsWith("refused open")).map((entry) => entry.id);
  await database.withTransaction((tx) => tx.query(`update catalog.entry set open = true, content = content || '{"open": true}' where id = any($1)`, [forcedOpen]));

  const granted = await catalog.applications.create(user(third, "administrator"), { name: "有授权的应用", organisationId: third.id });
  const plain = await catalog.applications.create(user(third, "administrator"), { name: "没有授权的应用", organisationId: third.id });
  const asked = entries.find((entry) => entry.kind === "own published conditional")!;
  const clerk = user(third, "analyst");
  const request = await catalog.sharing.requests.createDraft(clerk, { entryId: asked.id, applicationId: granted.id, legalBasis: "《政务数据共享条例》", purpose: "核查", scene: "每月核查", fields: ["value"], deliveryMode: "feed", frequency: "daily", validUntil: "2027-11-01" });
  await catalog.sharing.requests.submit(clerk, request.id);
  await catalog.sharing.requests.approveInternally(user(third, "approver"), request.id);
  const { decision } = await catalog.sharing.reviews.giveOpinion(user(own, "approver"), request.id, { opinion: "agree" });
  const grant = await database.read((reader) => catalog.sharing.grants.getGrant(reader, decision!.grantId!));

  const application = (id: string): Actor => ({ id, kind: "application", organisationId: third.id, organisationKind: third.kind, applicationId: id, roles: ["application"] });
  const callers: Caller[] = [{ name: "anonymous", actor: anonymousActor }];
  for (const role of roles.filter((each) => each !== "application")) {
    for (const [relation, of] of [["own department", own], ["other department", other], ["third department", third], ["city data office", city]] as const) callers.push({ name: `${role} of the ${relation}`, actor: user(of, role) });
  }
  callers.push({ name: "somebody without a role", actor: user(own) }, { name: "application with a grant", actor: application(granted.id) }, { name: "application without a grant", actor: application(plain.id) }, { name: "node of the own department", actor: { id: "node_1", kind: "node", organisationId: own.id, organisationKind: own.kind, roles: [] } });

  return {
    catalog, kernel, db, root, entries, grant, callers,
    async drop() {
      await index?.close();
      await kernel.notifier.stop();
      await db.drop();
    },
  };
}
