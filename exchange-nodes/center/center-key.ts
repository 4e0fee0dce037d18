import { getSuite, type Clock, type Database, type SigningKey, type SuiteName } from "#platform";

/** The centre's signing key from its database, made at the first start; several processes agree on one. */
export async function loadCenterKey(options: { database: Database; clock: Clock; suite: SuiteName }): Promise<SigningKey> {
  return options.database.withTransaction(async (tx) => {
    const made = getSuite(options.suite).generate();
    await tx.query("insert into exchange.center_key (suite, public_key, private_key, created_at) values ($1, $2, $3, $4) on conflict (singleton) do nothing", [options.suite, made.publicKey, made.privateKey, options.clock.now()]);
    const { rows } = await tx.query<{ suite: string; private_key: string }>("select suite, private_key from exchange.center_key");
    return getSuite(rows[0]!.suite).load(rows[0]!.private_key);
  });
}
