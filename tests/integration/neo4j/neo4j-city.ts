import { createCatalog, createCatalogTokeniser, type Catalog, type CatalogIndex } from "#catalog";
import { createValidator, systemActor } from "#platform";
import { isIndustryCode, isSocialCreditCode, isThemeCode, schemas } from "#standards";
import { engineUrl, openEngine, type Engine } from "#test-support";
import { insertFixture } from "../../contracts/catalog-index/fixture.ts";
import { openContract, type ContractSetting } from "../../contracts/catalog-index/open-contract.ts";
import { openNeo4jIndex } from "../../contracts/catalog-index/open-neo4j.ts";
import { openPostgres } from "../../contracts/catalog-index/open-postgres.ts";

/** Neo4j can be had; and these tests may start one of their own to kill. A shared server of the environment is not killed. */
export const canKillNeo4j = (await engineUrl("neo4j")) !== undefined;

/** The fixture's records with both indexes over them, Neo4j's on a server of one's own. */
export interface Neo4jCity {
  engine: Engine;
  setting: ContractSetting;
  catalog: Catalog;
  index: ReturnType<typeof openNeo4jIndex>;
  /** A second look on the same index, as another process of the centre has it. */
  openIndex(): ReturnType<typeof openNeo4jIndex>;
  catalogOver(index: CatalogIndex): Catalog;
  close(): Promise<void>;
}

const tokeniser = createCatalogTokeniser();
export const system = systemActor("test");

export async function openNeo4jCity(): Promise<Neo4jCity> {
  const engine = await openEngine("neo4j");
  const setting = await openContract(openPostgres);
  await insertFixture(setting.db.database);
  const opened: ReturnType<typeof openNeo4jIndex>[] = [];
  const openIndex = () => {
    const index = openNeo4jIndex(setting.kernel, engine.url, "City");
    opened.push(index);
    return index;
  };
  const validator = createValidator({
    schemas: Object.values(schemas),
    formats: [
      { name: "theme-code", test: isThemeCode, message: "is not a theme code", zh: "不是主题分类代码" },
      { name: "industry-code", test: isIndustryCode, message: "is not an industry code", zh: "不是行业分类代码" },
      { name: "social-credit-code", test: isSocialCreditCode, message: "is not a social credit code", zh: "不是统一社会信用代码" },
    ],
  });
  const catalogOver = (index: CatalogIndex) => createCatalog({ kernel: { ...setting.kernel, validator }, search: { index, tokeniser } });
  const index = openIndex();
  return {
    engine, setting, index, openIndex, catalogOver,
    catalog: catalogOver(index),
    async close() {
      await Promise.all(opened.map((each) => each.close()));
      await engine.close();
      await setting.close();
    },
  };
}
