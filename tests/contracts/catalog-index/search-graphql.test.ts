import { parse, subscribe, graphql, type GraphQLSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addCatalogTypes, createCatalog } from "#catalog";
import { anonymousActor, createSchemaBuilder, type Actor } from "#platform";
import { announce, entryId, fixtureEntries, insertFixture, organisationId, person } from "./fixture.ts";
import { openContract, type ContractSetting } from "./open-contract.ts";
import { openPostgres } from "./open-postgres.ts";

const analyst = person("税务", "analyst");
let setting: ContractSetting;
let schema: GraphQLSchema;
beforeAll(async () => {
  setting = await openContract(openPostgres);
  await insertFixture(setting.db.database);
  await setting.search.bringUpToDate();
  const builder = createSchemaBuilder();
  addCatalogTypes(builder, { ...createCatalog({ kernel: setting.kernel }), search: setting.search });
  schema = builder.toSchema();
});
afterAll(() => setting.close());

async function run(source: string, variableValues: Record<string, unknown> = {}, actor: Actor = analyst) {
  const result = await graphql({ schema, source, variableValues, contextValue: { actor, correlationId: "test" } });
  return JSON.parse(JSON.stringify({ ...result.data, ...(result.errors === undefined ? {} : { errors: result.errors.map((error) => error.message) }) })) as Record<string, never>;
}

test("an analyst searches: hits with highlights, facets to choose from, and the whole entry behind each", async () => {
  const answer = await run(
    `query ($text: String!, $filter: SearchFilter) {
      searchEntries(text: $text, filter: $filter, first: 2, facets: [SHARING_TYPE, THEME_CLASS, OPEN]) {
        totalCount relaxed
        facets { name values { value zh count selected } }
        edges { node { entry { code title sharingType organisationName entry { title } organisation { name } } highlights { field segments { text hit } } } }
        pageInfo { hasNextPage }
      }
    }`,
    { text: "欠税", filter: { sharingTypes: ["UNCONDITIONAL"] } },
  );
  expect(answer).toMatchInlineSnapshot(`
    {
      "searchEntries": {
        "edges": [
          {
            "node": {
              "entry": {
                "code": "307001/sw02",
                "entry": {
                  "title": "企业欠税公告",
                },
                "organisation": {
                  "name": "国家税务总局杭州市税务局",
                },
                "organisationName": "国家税务总局杭州市税务局",
                "sharingType": "UNCONDITIONAL",
                "title": "企业欠税公告",
              },
              "highlights": [
                {
                  "field": "TITLE",
                  "segments": [
                    {
                      "hit": false,
                      "text": "企业",
                    },
                    {
                      "hit": true,
                      "text": "欠税",
                    },
                    {
                      "hit": false,
                      "text": "公告",
                    },
                  ],
                },
                {
                  "field": "ABSTRACT",
                  "segments": [
                    {
                      "hit": false,
                      "text": "国家税务总局杭州市税务局履职中形成,含纳税人识别号、纳税人名称、",
                    },
                    {
                      "hit": true,
                      "text": "欠税",
                    },
                    {
                      "hit": false,
                      "text": "税种、",
                    },
                    {
                      "hit": true,
                      "text": "欠税",
                    },
                    {
                      "hit": false,
                      "text": "余额。",
                    },
                  ],
                },
                {
                  "field": "KEYWORD",
                  "segments": [
                    {
                      "hit": true,
                      "text": "欠税",
                    },
                  ],
                },
                {
                  "field": "ITEM",
                  "segments": [
                    {
                      "hit": true,
                      "text": "欠税",
                    },
                    {
                      "hit": false,
                      "text": "税种",
                    },
                  ],
                },
                {
                  "field": "ITEM",
                  "segments": [
                    {
                      "hit": true,
                      "text": "欠税",
                    },
                    {
                      "hit": false,
                      "text": "余额",
                    },
                  ],
                },
              ],
            },
          },
        ],
        "facets": [
          {
            "name": "SHARING_TYPE",
            "values": [
              {
                "count": 1,
                "selected": true,
                "value": "unconditional",
                "zh": "无条件共享",
              },
            ],
          },
          {
            "name": "THEME_CLASS",
            "values": [
              {
                "count": 1,
                "selected": false,
                "value": "ZH",
                "zh": "财政",
              },
            ],
          },
          {
            "name": "OPEN",
            "values": [
              {
                "count": 1,
                "selected": false,
                "value": "true",
                "zh": "向社会开放",
              },
            ],
          },
        ],
        "pageInfo": {
          "hasNextPage": false,
        },
        "relaxed": false,
        "totalCount": 1,
      },
    }
  `);
});

test("the second page continues the first; pages do not go backwards", async () => {
  const page = "query ($after: String) { searchEntries(text: \"企业\", first: 3, after: $after) { nodes { entry { id } } pageInfo { endCursor hasNextPage hasPreviousPage } } }";
  const whole = await run('{ searchEntries(text: "企业", first: 6) { nodes { entry { id } } } }');
  const first = await run(page);
  const second = await run(page, { after: (first as unknown as { searchEntries: { pageInfo: { endCursor: string } } }).searchEntries.pageInfo.endCursor });
  const nodes = (answer: unknown) => (answer as { searchEntries: { nodes: unknown[] } }).searchEntries.nodes;
  expect([...nodes(first), ...nodes(second)]).toEqual(nodes(whole));
  expect((second as unknown as { searchEntries: { pageInfo: object } }).searchEntries.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  expect(await run('{ searchEntries(last: 3) { totalCount } }')).toMatchObject({ errors: ["Search pages go forward only: use first and after"] });
});

test("an anonymous caller finds only what is published and open", async () => {
  const answer = (await run('{ searchEntries(text: "养犬") { nodes { entry { open } } } refused: searchEntries(text: "护照") { totalCount } drafts: searchEntries(text: "监控") { totalCount } }', {}, anonymousActor)) as unknown as { searchEntries: { nodes: { entry: { open: boolean } }[] } };
  expect(answer).toMatchObject({ refused: { totalCount: 0 }, drafts: { totalCount: 0 } });
  expect(answer.searchEntries.nodes.map(({ entry }) => entry.open)).toEqual([true]);
});

test("suggestions, related entries, lineage, impact, a path and items collected by several departments", async () => {
  const answer = await run(
    `query ($from: ID!, $to: ID!, $both: [ID!]) {
      searchSuggestions(text: "shiye", first: 4) { kind text itemKey }
      relatedEntries(entryId: $from, first: 2) { entry { title } reasons { kind items } }
      lineage(entryId: $to, direction: UPSTREAM, bounds: { hops: 1 }) { root { title } nodes { distance entry { title } } relations { fromEntryId toEntryId grants { grantId legalBasis } } truncated truncatedBy }
      impact(entryId: $from) { entries byDistance { distance entries } organisations consumers { name } truncated }
      entryPath(fromEntryId: $from, toEntryId: $to) { steps { via dataElement entry { title } } truncated }
      collectedItems(organisationIds: $both, first: 2) { truncated items { name dataElement entries collectors { name entries } } }
    }`,
    { from: entryId("rs04"), to: entryId("sw06"), both: [organisationId("人社"), organisationId("税务")] },
  );
  expect(answer).toMatchInlineSnapshot(`
    {
      "collectedItems": {
        "items": [
          {
            "collectors": [
              {
                "entries": 8,
                "name": "杭州市市场监督管理局",
              },
              {
                "entries": 3,
                "name": "杭州市民政局",
              },
              {
                "entries": 3,
                "name": "杭州市人力资源和社会保障局",
              },
              {
                "entries": 3,
                "name": "国家税务总局杭州市税务局",
              },
              {
                "entries": 2,
                "name": "杭州市数据资源管理局",
              },
              {
                "entries": 1,
                "name": "杭州市公安局",
              },
              {
                "entries": 1,
                "name": "杭州市生态环境局",
              },
              {
                "entries": 1,
                "name": "杭州市卫生健康委员会",
              },
              {
                "entries": 1,
                "name": "杭州市教育局",
              },
              {
                "entries": 1,
                "name": "杭州市交通运输局",
              },
            ],
            "dataElement": "DE00002",
            "entries": 24,
            "name": "统一社会信用代码",
          },
          {
            "collectors": [
              {
                "entries": 8,
                "name": "杭州市人力资源和社会保障局",
              },
              {
                "entries": 6,
                "name": "杭州市公安局",
              },
              {
                "entries": 5,
                "name": "杭州市民政局",
              },
              {
                "entries": 4,
                "name": "杭州市教育局",
              },
              {
                "entries": 3,
                "name": "杭州市卫生健康委员会",
              },
              {
                "entries": 2,
                "name": "杭州市数据资源管理局",
              },
              {
                "entries": 1,
                "name": "杭州市上城区人民政府",
              },
              {
                "entries": 1,
                "name": "国家税务总局杭州市税务局",
              },
              {
                "entries": 1,
                "name": "杭州市交通运输局",
              },
            ],
            "dataElement": "DE00001",
            "entries": 31,
            "name": "公民身份号码",
          },
        ],
        "truncated": false,
      },
      "entryPath": {
        "steps": [
          {
            "dataElement": null,
            "entry": {
              "title": "城镇职工基本养老保险参保信息",
            },
            "via": null,
          },
          {
            "dataElement": null,
            "entry": {
              "title": "社会保险费征缴信息",
            },
            "via": "SOURCE_OF",
          },
        ],
        "truncated": false,
      },
      "impact": {
        "byDistance": [
          {
            "distance": 1,
            "entries": 4,
          },
          {
            "distance": 2,
            "entries": 1,
          },
        ],
        "consumers": [
          {
            "name": "国家税务总局杭州市税务局",
          },
        ],
        "entries": 5,
        "organisations": 3,
        "truncated": false,
      },
      "lineage": {
        "nodes": [
          {
            "distance": 1,
            "entry": {
              "title": "城镇职工基本养老保险参保信息",
            },
          },
        ],
        "relations": [
          {
            "fromEntryId": "entry_sw06",
            "grants": [
              {
                "grantId": "grant_1",
                "legalBasis": "社会保险法第五十九条",
              },
            ],
            "toEntryId": "entry_rs04",
          },
        ],
        "root": {
          "title": "社会保险费征缴信息",
        },
        "truncated": false,
        "truncatedBy": null,
      },
      "relatedEntries": [
        {
          "entry": {
            "title": "人口综合库",
          },
          "reasons": [
            {
              "items": [],
              "kind": "LINEAGE",
            },
            {
              "items": [
                "参保状态",
                "姓名",
                "公民身份号码",
              ],
              "kind": "SHARES_ITEMS",
            },
          ],
        },
        {
          "entry": {
            "title": "失业保险金发放信息",
          },
          "reasons": [
            {
              "items": [],
              "kind": "LINEAGE",
            },
            {
              "items": [
                "姓名",
                "公民身份号码",
              ],
              "kind": "SHARES_ITEMS",
            },
          ],
        },
      ],
      "searchSuggestions": [
        {
          "itemKey": null,
          "kind": "KEYWORD",
          "text": "失业",
        },
        {
          "itemKey": "item:失业日期",
          "kind": "ITEM",
          "text": "失业日期",
        },
        {
          "itemKey": null,
          "kind": "ENTRY",
          "text": "失业登记信息",
        },
        {
          "itemKey": null,
          "kind": "ENTRY",
          "text": "失业保险金发放信息",
        },
      ],
    }
  `);
});

test("what is asked of a hidden entry answers as for one that is not there", async () => {
  const hidden = await run("query ($id: ID!) { lineage(entryId: $id, direction: UPSTREAM) { truncated } }", { id: entryId("ga12") });
  const missing = await run("query ($id: ID!) { lineage(entryId: $id, direction: UPSTREAM) { truncated } }", { id: "entry_zz99" });
  expect(JSON.stringify(hidden).replaceAll("ga12", "X")).toBe(JSON.stringify(missing).replaceAll("zz99", "X"));
});

test("a subscriber hears of changes to what it may see, and can go on from a position", async () => {
  await setting.kernel.notifier.start();
  const head = await setting.db.database.read((reader) => setting.kernel.eventLog.head(reader));
  const changes = (await subscribe({ schema, document: parse(`subscription { catalogChanged(after: ${head}) { kind entryId position entry { title } } }`), contextValue: { actor: analyst, correlationId: "test" } })) as AsyncGenerator<{ data: { catalogChanged: unknown } }>;
  await announce(setting.kernel, fixtureEntries.find(({ id }) => id === entryId("ga12"))!);
  await announce(setting.kernel, fixtureEntries.find(({ id }) => id === entryId("sw01"))!);
  expect(JSON.parse(JSON.stringify((await changes.next()).value.data))).toEqual({ catalogChanged: { kind: "entry.changed", entryId: entryId("sw01"), position: head + 2, entry: { title: "纳税信用等级信息" } } });
  await changes.return(undefined);
  await setting.kernel.notifier.stop();
});

test("a page with everything on it stays within the cost limit, and many walks at once do not", async () => {
  const page = "searchEntries(text: \"企业\", first: 100, facets: [ORGANISATION, REGION, THEME, SHARING_TYPE, UPDATE_CYCLE, FORMAT_CLASS, SENSITIVITY, OPEN, STATE]) { totalCount facets { name values { value zh en count selected } } edges { cursor node { score entry { id title abstract organisationName sharingType updateCycle updatedAt } highlights { field segments { text hit } } } } }";
  expect(await run(`{ ${page} }`)).not.toHaveProperty("errors");
  const walks = Array.from({ length: 40 }, (_, at) => `w${at}: lineage(entryId: "${entryId("sz01")}", direction: UPSTREAM, bounds: { hops: 10, nodes: 2000 }) { nodes { entry { title abstract } } }`).join(" ");
  expect((await run(`{ ${walks} }`) as unknown as { errors: string[] }).errors[0]).toContain("complexity");
});
