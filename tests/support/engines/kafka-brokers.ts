import { engineUrl } from "./engine-host.ts";

// A variable: the package is optional, and not built on every machine.
const client: string = "node-rdkafka";

/** The brokers of the run, where both a Kafka and its native client can be had; otherwise undefined, after saying so (a failure with ZHENGTONG_TEST_ENGINES=required). */
export async function kafkaBrokers(): Promise<string | undefined> {
  try {
    await import(client);
  } catch (error) {
    const message = `Kafka's client ${client} is not built (npm run engines:kafka): ${error instanceof Error ? error.message : String(error)}`.split("\n", 1)[0]!;
    if (process.env.ZHENGTONG_TEST_ENGINES === "required") throw new Error(message, { cause: error });
    process.stderr.write(`\n!!! SKIPPED: ${message}\n\n`);
    return undefined;
  }
  return engineUrl("kafka");
}
