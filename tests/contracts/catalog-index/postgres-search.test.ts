import { openPostgres } from "./open-postgres.ts";
import { describeSearchContract } from "./search-contract.ts";

describeSearchContract("PostgreSQL", openPostgres);
