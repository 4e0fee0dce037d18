import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTopicAdmin, probeKafka, scramRemedy, type KafkaFeedLogSettings } from "#exchange-nodes";
import { createSilentLog } from "#platform";
import { centerMigrations, cityMigrations } from "#server";
import { createTestDatabase, kafkaBrokers, openLocalKafka, type Engine, type TestDatabase } from "#test-support";
import { runZhengtong } from "../several-centres/center-process.ts";
import { flawOf, keepAppending, makeBatches, openFeedLogWorld, readAll, type FeedLogWorld } from "./feed-log-world.ts";

type KafkaMechanism = NonNullable<KafkaFeedLogSettings["connection"]["sasl"]>["mechanism"];
/** A broker as operators have it: TLS with a certificate of their own authority, and accounts by SCRAM-SHA-512 or PLAIN. */
const possible = (await kafkaBrokers()) !== undefined && process.env.ZHENGTONG_TEST_KAFKA_BROKERS === undefined;
const accounts = { admin: "password-of-admin", center: "password-of-center" };

describe.skipIf(!possible)("Kafka by TLS and SCRAM", () => {
  const folder = mkdtempSync(join(tmpdir(), "zhengtong-kafka-tls-"));
  const file = (name: string) => join(folder, name);
  let world: FeedLogWorld;
  let kafka: Engine;
  let databases: TestDatabase[] = [];

  const settings = (changes: { username?: keyof typeof accounts; password?: string; caFile?: string; mechanism?: KafkaMechanism } = {}): KafkaFeedLogSettings => {
    const username = changes.username ?? "center";
    return {
      connection: { brokers: kafka.url, tls: { caFile: changes.caFile ?? file("ca.pem") }, sasl: { mechanism: changes.mechanism ?? "SCRAM-SHA-512", username, password: changes.password ?? accounts[username] } },
      topics: { prefix: "encrypted" },
    };
  };

  async function makeAuthority(name: string): Promise<void> {
    await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)]);
  }
  async function makeBrokerCertificate(): Promise<string> {
    const run = promisify(execFile);
    await run("openssl", ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-keyout", file("broker.key"), "-out", file("broker.csr")]);
    writeFileSync(file("extensions"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    await run("openssl", ["x509", "-req", "-in", file("broker.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", file("extensions"), "-out", file("broker.crt")]);
    writeFileSync(file("broker.pem"), readFileSync(file("broker.key"), "utf8") + readFileSync(file("broker.crt"), "utf8"));
    return file("broker.pem");
  }

  beforeAll(async () => {
    await Promise.all([makeAuthority("ca"), makeAuthority("other")]);
    const certificateFile = await makeBrokerCertificate();
    [world, kafka] = await Promise.all([openFeedLogWorld(), openLocalKafka({ accounts, certificateFile })]);
    databases = [await createTestDatabase(centerMigrations), await createTestDatabase(cityMigrations)];
    const admin = await createTopicAdmin({ ...settings({ username: "admin" }), log: createSilentLog() });
    await admin.allow("User:center");
    await admin.stop();
  });
  afterAll(async () => {
    await world?.close();
    for (const database of databases) await database.drop();
    await kafka?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function carriesBatches(mechanism: KafkaMechanism): Promise<void> {
    expect((await probeKafka(settings({ mechanism }))).failures).toEqual([]);
    const [writer, reader] = await Promise.all([world.kafkaLog(settings({ mechanism })), world.kafkaLog(settings({ mechanism }))]);
    const feedId = `by_${mechanism}`;
    await writer.open(feedId);
    await keepAppending(writer, feedId, 6);
    const batches = await readAll(reader, feedId);
    expect(batches).toHaveLength(6);
    expect(flawOf(feedId, batches)).toBeUndefined();
    expect(await reader.trim(feedId, { upTo: 2 })).toEqual({ removed: 2, firstSequence: 3 });
    await writer.close(feedId);
    expect(await writer.drop(feedId)).toBe(true);
  }

  test("batches go in and out by TLS and PLAIN", () => carriesBatches("PLAIN"));

  test("they do by SCRAM-SHA-512; a client that is too old for it is told as such, and what to do", async () => {
    const { client, failures } = await probeKafka(settings());
    if (scramRemedy(client, settings().connection) === undefined) return carriesBatches("SCRAM-SHA-512");
    expect(failures).toMatchObject([{ step: "write", todo: expect.stringContaining(`librdkafka ${client} cannot log in by SCRAM-SHA-512`) as string }]);
    // Administration speaks for itself and is not concerned.
    expect(scramRemedy("2.12.0", settings().connection)).toBeUndefined();
    expect(scramRemedy("2.6.1", settings().connection)).toBeUndefined();
    expect(scramRemedy("2.6.0", settings().connection)).toBeDefined();
  });

  test("a wrong password, user, mechanism or authority is told as such, with the settings to look at", async () => {
    for (const wrong of [{ password: "not-the-password" }, { mechanism: "SCRAM-SHA-256" as const }]) {
      await expect(probeKafka(settings(wrong)), JSON.stringify(wrong)).rejects.toMatchObject({ kind: "Unavailable", code: "kafka.credentials", zh: expect.stringContaining("密码") as string, nextStep: expect.stringContaining("ZHENGTONG_KAFKA_PASSWORD") as string });
    }
    await expect(probeKafka(settings({ caFile: file("other.pem") }))).rejects.toMatchObject({ kind: "Unavailable", code: "kafka.certificate", nextStep: expect.stringContaining("ZHENGTONG_KAFKA_CA_FILE") as string });

    const log = await world.kafkaLog({ ...settings({ password: "not-the-password" }), deliveryTimeoutMs: 3_000 });
    await log.open("refused");
    expect((await refusalOf(log, "refused")).nextStep).toContain("ZHENGTONG_KAFKA_PASSWORD");
  });

  async function refusalOf(log: Awaited<ReturnType<FeedLogWorld["kafkaLog"]>>, feedId: string): Promise<{ nextStep?: string }> {
    const { sequence, hash } = await log.head(feedId);
    return log.append(feedId, { sequence, hash }, makeBatches(feedId, { sequence, hash }, 1)).then(() => ({}), (error: { nextStep?: string }) => error);
  }

  test("doctor reads the settings from the environment, and says what is wrong with them and what to do", async () => {
    const environment = {
      DATABASE_URL: databases[0]!.url,
      ZHENGTONG_CITY_DATABASE_URL: databases[1]!.url,
      ZHENGTONG_FEED_LOG: "kafka",
      ZHENGTONG_KAFKA_BROKERS: kafka.url,
      ZHENGTONG_KAFKA_TLS: "true",
      ZHENGTONG_KAFKA_CA_FILE: file("ca.pem"),
      ZHENGTONG_KAFKA_USERNAME: "center",
      ZHENGTONG_KAFKA_MECHANISM: "PLAIN",
      ZHENGTONG_KAFKA_TOPIC_PREFIX: "encrypted",
    };
    const good = await runZhengtong(["doctor"], { ...environment, ZHENGTONG_KAFKA_PASSWORD: accounts.center });
    expect(good.out).toContain("may make, write");
    const bad = await runZhengtong(["doctor"], { ...environment, ZHENGTONG_KAFKA_PASSWORD: "not-the-password" });
    expect(bad.code).not.toBe(0);
    expect(bad.out).toContain("does not accept this centre's user or password");
    expect(bad.out).toContain("ZHENGTONG_KAFKA_PASSWORD");
    expect(bad.out + bad.err).not.toContain("not-the-password");
  });
});
