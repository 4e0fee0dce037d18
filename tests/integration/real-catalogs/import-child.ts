import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { createDatabase, createSilentLog, systemActor, systemClock } from "#platform";
import { createCatalog } from "#catalog";
import { createTestKernel } from "../../../catalog/testing/test-catalog.ts";

/** Imports a file and says on standard output how far it is: to be killed on the way by the test that starts it. */
const [url, path] = process.argv.slice(2) as [string, string];
const kernel = await createTestKernel(createDatabase({ url, log: createSilentLog() }), systemClock);
const job = await createCatalog({ kernel }).imports.run(systemActor("import"), {
  file: { name: basename(path), bytes: readFileSync(path) },
  createOrganisations: true,
  onProgress: ({ step }) => void process.stdout.write(`${step}\n`),
});
process.stdout.write(`done ${job.id}\n`);
await kernel.database.close();
