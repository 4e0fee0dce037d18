import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openContainer } from "./container.ts";
import type { EngineKind, LocalEngineOptions } from "./engine-kind.ts";
import { createEngineProcess, freePorts, shortLivedJava, startLocalEngine, type Engine } from "./engine.ts";
import { fetchMavenLibraries, onPath, pomOf } from "./maven-libraries.ts";

const version = "4.1.2";
const scram = "SCRAM-SHA-512";

export interface LocalKafkaOptions extends LocalEngineOptions {
  /** Name and password of each account. With accounts, the address asks for SASL PLAIN and access rules are enforced; "admin" may do everything. */
  accounts?: Readonly<Record<string, string>>;
  /** PEM file with the broker's key and certificate: with accounts, the address then asks for TLS, and takes SCRAM-SHA-512 as well. */
  certificateFile?: string;
  /** Further lines of server.properties. */
  settings?: Readonly<Record<string, string>>;
}

/** One process that is broker and controller (KRaft), with the settings of production but for the number of copies. */
function propertiesOf({ accounts, certificateFile, settings }: LocalKafkaOptions, ports: { client: number; internal: number; controller: number }, dataFolder: string): string {
  const secured = accounts !== undefined;
  const lines: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${ports.controller}`,
    "listeners": `CLIENT://127.0.0.1:${ports.client},INTERNAL://127.0.0.1:${ports.internal},CONTROLLER://127.0.0.1:${ports.controller}`,
    "advertised.listeners": `CLIENT://${certificateFile === undefined ? "127.0.0.1" : "localhost"}:${ports.client},INTERNAL://127.0.0.1:${ports.internal}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "INTERNAL",
    "listener.security.protocol.map": `CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,CLIENT:${secured ? (certificateFile === undefined ? "SASL_PLAINTEXT" : "SASL_SSL") : "PLAINTEXT"}`,
    "log.dirs": dataFolder,
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    // Without these a broker that was killed waits 16 s for its own old session to run out.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    // Retention is seen to within a test's patience.
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
    "offsets.topic.num.partitions": "1",
    ...(secured
      ? {
          "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
          "super.users": "User:admin;User:ANONYMOUS",
          "allow.everyone.if.no.acl.found": "false",
          "sasl.enabled.mechanisms": certificateFile === undefined ? "PLAIN" : `PLAIN,${scram}`,
          "listener.name.client.plain.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required ${Object.entries(accounts).map(([name, password]) => `user_${name}="${password}"`).join(" ")};`,
          ...(certificateFile === undefined
            ? {}
            : {
                [`listener.name.client.${scram.toLowerCase()}.sasl.jaas.config`]: "org.apache.kafka.common.security.scram.ScramLoginModule required;",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": certificateFile,
              }),
        }
      : {}),
    ...settings,
  };
  return `${Object.entries(lines).map(([key, value]) => `${key}=${value}`).join("\n")}\n`;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true)).once("error", () => end(false));
  });
}

export async function openLocalKafka(options: LocalKafkaOptions = {}): Promise<Engine> {
  if (!(await onPath("java"))) throw new Error("java is not installed (Debian: default-jdk-headless)");
  const libraries = await fetchMavenLibraries({ name: `kafka-${version}`, pom: pomOf("kafka", [`org.apache.kafka:kafka_2.13:${version}`]) });
  const folder = mkdtempSync(join(tmpdir(), "zhengtong-kafka-"));
  const [client, internal, controller] = (await freePorts(3)) as [number, number, number];
  const properties = join(folder, "server.properties");
  writeFileSync(properties, propertiesOf(options, { client, internal, controller }, join(folder, "data")));
  const java = [...(options.forMeasuring ? [] : shortLivedJava), "-cp", `${libraries}/*`];
  const scramAccounts = options.certificateFile === undefined ? [] : Object.entries(options.accounts ?? {}).flatMap(([name, password]) => ["--add-scram", `${scram}=[name=${name},password=${password}]`]);
  await promisify(execFile)("java", [...java, "kafka.tools.StorageTool", "format", `--cluster-id=${randomBytes(16).toString("base64url")}`, "-c", properties, ...scramAccounts], { cwd: folder });
  const process = createEngineProcess({ name: "Kafka", command: ["java", "-Xms256m", "-Xmx512m", ...java, "kafka.Kafka", properties], cwd: folder, logFile: join(folder, "kafka.log"), isReady: () => answers(client) });
  // librdkafka compares names in certificates and no addresses.
  return startLocalEngine({ url: `${options.certificateFile === undefined ? "127.0.0.1" : "localhost"}:${client}`, folder, process });
}

export const kafka: EngineKind = {
  title: `Kafka ${version}`,
  environmentVariable: "ZHENGTONG_TEST_KAFKA_BROKERS",
  openLocally: (options) => openLocalKafka(options),
  async openInDocker() {
    const [port] = (await freePorts(1)) as [number];
    return openContainer({
      image: `apache/kafka:${version}`,
      ports: [{ container: port, host: port }],
      environment: {
        KAFKA_NODE_ID: "1",
        KAFKA_PROCESS_ROLES: "broker,controller",
        KAFKA_LISTENERS: `PLAINTEXT://:${port},INTERNAL://:29092,CONTROLLER://:29093`,
        KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port},INTERNAL://127.0.0.1:29092`,
        KAFKA_INTER_BROKER_LISTENER_NAME: "INTERNAL",
        KAFKA_CONTROLLER_LISTENER_NAMES: "CONTROLLER",
        KAFKA_CONTROLLER_QUORUM_VOTERS: "1@127.0.0.1:29093",
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        KAFKA_AUTO_CREATE_TOPICS_ENABLE: "false",
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1",
        KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: "1",
        KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: "1",
        KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: "0",
        KAFKA_BROKER_SESSION_TIMEOUT_MS: "2000",
        KAFKA_BROKER_HEARTBEAT_INTERVAL_MS: "500",
        KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS: "500",
        KAFKA_LOG_INITIAL_TASK_DELAY_MS: "500",
      },
      url: `127.0.0.1:${port}`,
      isReady: () => answers(port),
    });
  },
};
