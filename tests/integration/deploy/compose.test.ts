import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { centerSettings, nodeSettings } from "#server";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const deploy = join(root, "deploy");
const composeText = readFileSync(join(deploy, "compose.yaml"), "utf8");

interface Service {
  image: string;
  user?: string;
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  cap_drop?: string[];
  security_opt?: string[];
  read_only?: boolean;
  networks?: string[];
  volumes?: string[];
  secrets?: string[];
  profiles?: string[];
  depends_on?: Record<string, { condition: string }>;
  deploy?: { resources?: { limits?: { cpus?: string; memory?: string } } };
  ports?: string[];
}
interface ComposeFile {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean } | null>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}

const compose = parse(composeText, { merge: true }) as ComposeFile;
const services = Object.entries(compose.services);
const folder = mkdtempSync(join(tmpdir(), "zhengtong-deploy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Without the comments, where an example may name what is not there. */
const interpolations = [...composeText.replaceAll(/^\s*#.*$/gm, "").matchAll(/\$\{([A-Z_]+)(:?[-?])?([^}]*)\}/g)].map(([, name, form, rest]) => ({ name: name!, form: form ?? "", rest: rest ?? "" }));

async function makeSecrets(): Promise<Map<string, string>> {
  await promisify(execFile)("bash", [join(deploy, "make-secrets.sh"), "data.city.example"], { env: { ...process.env, ZHENGTONG_ENV_FILE: join(folder, "env"), ZHENGTONG_SECRETS_FOLDER: join(folder, "secrets") } });
  return new Map(readFileSync(join(folder, "env"), "utf8").trim().split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const));
}

test("every setting that the services are given is one that centre or node know", () => {
  const known = (table: Record<string, { env: string }>) => new Set(Object.values(table).map(({ env }) => env));
  const center = known(centerSettings);
  const node = known(nodeSettings);
  const unknown = services.flatMap(([name, { image, environment = {} }]) => {
    if (!image.startsWith("zhengtong:")) return [];
    const settings = name.startsWith("center") ? center : node;
    return Object.keys(environment).filter((key) => !settings.has(key)).map((key) => `${name}: ${key}`);
  });
  expect(unknown).toEqual([]);
  expect(services.filter(([, { image }]) => image.startsWith("zhengtong:")).map(([name]) => name)).toEqual(["center-1", "center-2", "node-a", "node-b"]);
});

test("every image is pinned to a version", () => {
  for (const [name, { image }] of services) expect(image, name).toMatch(/^[a-z0-9/.-]+:(\$\{ZHENGTONG_VERSION:-\d+\.\d+\.\d+\}|v?\d+\.\d+(\.\d+)?(-[a-z0-9]+)?)$/);
});

test("every service has a health check and limits, runs as somebody other than root, and holds no capability", () => {
  for (const [name, service] of services) {
    expect(service.healthcheck?.test.length, `${name}: healthcheck`).toBeGreaterThan(1);
    expect(service.user, `${name}: user`).toMatch(/^("?[1-9]\d*:[1-9]\d*"?|\$\{SECRETS_UID:\?\}:\$\{SECRETS_GID:\?\})$/);
    expect(service.cap_drop, `${name}: cap_drop`).toEqual(["ALL"]);
    expect(service.security_opt, `${name}: security_opt`).toEqual(["no-new-privileges:true"]);
    expect(service.deploy?.resources?.limits, `${name}: limits`).toMatchObject({ cpus: expect.any(String), memory: expect.any(String) });
    // These two write their configuration into the image's own folders as they start.
    if (!["neo4j", "kafka"].includes(name)) expect(service.read_only, `${name}: read_only`).toBe(true);
  }
});

test("no secret has a value of its own in the file, and the script makes every one that is asked for", async () => {
  const secrets = interpolations.filter(({ name }) => /PASSWORD|CLUSTER_ID|SECRETS_/.test(name));
  expect(secrets.filter(({ form }) => form !== ":?")).toEqual([]);
  expect(composeText).not.toMatch(/PASSWORD: ["']?[A-Za-z0-9]/);
  const made = await makeSecrets();
  for (const { name } of interpolations.filter(({ form }) => form === ":?")) expect(made.get(name), name).toMatch(/./);
  const passwords = [...made].filter(([name]) => name.endsWith("PASSWORD")).map(([, value]) => value);
  expect(new Set(passwords).size).toBe(passwords.length);
  for (const password of passwords) expect(password).toMatch(/^[0-9a-f]{48}$/);
  expect(made.get("KAFKA_CLUSTER_ID")).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(statSync(join(folder, "env")).mode & 0o077).toBe(0);
  expect(statSync(join(folder, "secrets", "balancer.pem")).mode & 0o077).toBe(0);
  expect(await makeSecrets(), "called again it changes nothing").toEqual(made);
  execFileSync("openssl", ["verify", "-CAfile", join(folder, "secrets", "authority.pem"), "-verify_hostname", "data.city.example", join(folder, "secrets", "balancer.pem")]);
  execFileSync("openssl", ["verify", "-CAfile", join(folder, "secrets", "authority.pem"), "-verify_hostname", "balancer", join(folder, "secrets", "balancer.pem")]);
});

test("nodes share no network with the databases, the brokers or the centres, and only the balancer is open to all", () => {
  const networksOf = (name: string) => compose.services[name]!.networks ?? ["default"];
  for (const node of ["node-a", "node-a-database", "node-b", "node-b-database"])
    for (const inner of ["postgres", "neo4j", "kafka", "center-1", "center-2", "prometheus"]) expect(networksOf(node).filter((network) => networksOf(inner).includes(network)), `${node} and ${inner}`).toEqual([]);
  expect(networksOf("node-a").filter((network) => networksOf("node-b").includes(network))).toEqual(["city"]);
  expect(compose.networks.engines).toEqual({ internal: true });
  for (const [name, { ports = [] }] of services) for (const port of ports) if (name !== "balancer") expect(port, name).toMatch(/^127\.0\.0\.1:/);
});

test("what services wait for, mount and keep is there", () => {
  for (const [name, service] of services) {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(compose.services[other]?.healthcheck, `${name} waits for ${other}`).toBeDefined();
      expect(condition).toBe("service_healthy");
      // Nothing that always runs may wait for what only a profile brings.
      if (!service.profiles) expect(compose.services[other]?.profiles, `${name} waits for ${other}`).toBeUndefined();
    }
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(":") as [string];
      if (source.startsWith(".")) expect(existsSync(join(deploy, source)), volume).toBe(true);
      else expect(compose.volumes, volume).toHaveProperty([source]);
    }
    for (const network of service.networks ?? []) expect(compose.networks, `${name}: ${network}`).toHaveProperty([network]);
    for (const secret of service.secrets ?? []) expect(compose.secrets, `${name}: ${secret}`).toHaveProperty([secret]);
  }
  for (const volume of Object.keys(compose.volumes)) expect(composeText).toContain(`${volume}:/`);
});

test("the image has every folder that the program imports, runs as nobody, and tells its health", () => {
  const dockerfile = readFileSync(join(deploy, "Dockerfile"), "utf8");
  const ignored = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  const { imports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { imports: Record<string, string> };
  const folders = Object.values(imports).map((path) => path.split("/")[1]!).filter((name) => name !== "tests");
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(" "));
  for (const name of folders) expect(copied).toContain(name);
  for (const path of copied) {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(ignored, path).toContain(`!${path}`);
  }
  const runtime = dockerfile.slice(dockerfile.indexOf("AS runtime"));
  expect(runtime).toMatch(/^USER 10001:10001$/m);
  expect(runtime).toMatch(/^HEALTHCHECK /m);
  expect(runtime).not.toContain("build-essential");
  expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-[a-z]+-slim$/m);
});

/**
 * The plugin of Docker's own packages, or the program of Debian's, which is older and knows all of the file but the name
 * of the project; neither needs an engine to read a file.
 */
const composeCommand = ([["docker", "compose"], ["docker-compose"]] as const).find(([program, ...rest]) => {
  try {
    execFileSync(program, [...rest, "version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});
if (composeCommand === undefined) process.stderr.write("\n!!! SKIPPED: compose.yaml is not read by docker compose: neither the plugin nor docker-compose is installed\n\n");

test.skipIf(composeCommand === undefined && process.env.ZHENGTONG_TEST_ENGINES !== "required")("docker compose accepts the file with the secrets that the script makes, and refuses it without", async () => {
  const [program, ...rest] = composeCommand ?? ["docker", "compose"];
  const text = program === "docker" ? composeText : composeText.replace(/^name: zhengtong$/m, "");
  const run = (environment: string) => {
    const reading = promisify(execFile)(program, [...rest, "-f", "-", "--project-directory", deploy, "--env-file", environment, "--profile", "nodes", "--profile", "monitoring", "config", "-q"], { env: { PATH: process.env.PATH, HOME: process.env.HOME } });
    reading.child.stdin!.end(text);
    return reading;
  };
  await makeSecrets();
  await expect(run(join(folder, "env"))).resolves.toMatchObject({ stdout: "" });
  writeFileSync(join(folder, "empty"), "");
  await expect(run(join(folder, "empty"))).rejects.toThrow(/required|make-secrets|[Mm]issing/);
});
