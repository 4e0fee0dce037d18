import type { Kernel, ZhengtongSchemaBuilder } from "#platform";

export interface CreateCatalogOptions {
  kernel: Kernel;
}

export interface Catalog {
  kernel: Kernel;
}

export function createCatalog({ kernel }: CreateCatalogOptions): Catalog {
  return { kernel };
}

/** Adds the catalog's part of the GraphQL schema. */
export function addCatalogTypes(_builder: ZhengtongSchemaBuilder, _catalog: Catalog): void {}
