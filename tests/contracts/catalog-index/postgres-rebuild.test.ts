import { openPostgres } from "./open-postgres.ts";
import { describeRebuildContract } from "./rebuild-contract.ts";

describeRebuildContract("PostgreSQL", openPostgres);
