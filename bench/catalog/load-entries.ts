import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { Database } from "#platform";
import { generateEntries, generateOrganisations } from "./generate-entries.ts";

/** Puts the generated catalog into the records, as if its departments had registered it. Answers the number of data items. */
export async function loadEntries(database: Database, count: number, itemsPerEntry: number): Promise<number> {
  const at = new Date("2023-01-01T00:00:00Z");
  let items = 0;
  function* lines() {
    let text = "";
    for (const entry of generateEntries({ count, itemsPerEntry })) {
      items += entry.content.items!.length;
      const { content } = entry;
      const published = entry.state === "draft" ? "\\N" : entry.updatedAt.toISOString();
      text += `${[entry.id, entry.code, entry.resourceId, entry.organisationId, entry.state, "1.0", `${content.title} ${entry.id}`, content.sharingType, content.open ? "t" : "f", JSON.stringify(content).replaceAll("\\", "\\\\"), entry.completeness, at.toISOString(), "bench", entry.updatedAt.toISOString(), "bench", published].join("\t")}\n`;
      if (text.length > 1_000_000) {
        yield text;
        text = "";
      }
    }
    yield text;
  }
  await database.withTransaction(async (tx) => {
    for (const [number, organisation] of generateOrganisations().entries()) {
      await tx.query(
        "insert into catalog.organisation (id, name, short_name, kind, region_code, department_number, prefix, active, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, true, $8, $8)",
        [organisation.id, organisation.name, organisation.shortName, organisation.kind, organisation.regionCode, number + 1, `33A${String(number + 1).padStart(3, "0")}`, at],
      );
    }
    const copy = (tx.client as Client).query(copyFrom("copy catalog.entry (id, code, resource_id, organisation_id, state, version, title, sharing_type, open, content, completeness, created_at, created_by, updated_at, edited_by, published_at) from stdin"));
    await pipeline(Readable.from(lines()), copy);
  });
  await database.read((reader) => reader.query("vacuum (analyze) catalog.entry"));
  return items;
}
