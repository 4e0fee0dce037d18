import { describeGraphContract } from "./graph-contract.ts";
import { openPostgres } from "./open-postgres.ts";

describeGraphContract("PostgreSQL", openPostgres);
