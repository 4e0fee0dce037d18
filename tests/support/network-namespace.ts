import { execFile } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { promisify } from "node:util";

/**
 * A network of its own for a process: it reaches only what it has a link to, and a link can be made to lose every
 * packet of a direction without anybody being told.
 */
export interface NetworkNamespace {
  /** Goes before a program's own command line: it then runs in here. */
  command: readonly [string, ...string[]];
  /** A way between in here and out there. */
  link(): Promise<NetworkLink>;
  remove(): Promise<void>;
}

/** `out`: what leaves the namespace; `in`: what comes to it. */
export type Direction = "out" | "in";

export interface NetworkLink {
  /** Of the end out there. */
  hostAddress: string;
  /** Of the end in the namespace. */
  innerAddress: string;
  /** From now on packets of these directions vanish. */
  lose(...directions: Direction[]): Promise<void>;
  heal(): Promise<void>;
}

const run = promisify(execFile);
const ip = (...words: string[]) => run("ip", words);
/** A card that nobody has: packets to it leave, and nobody takes them. */
const nobody = "02:00:00:00:00:01";

/** Why there can be none here; undefined where there can. */
async function missing(): Promise<string | undefined> {
  if (process.platform !== "linux") return "this is not Linux";
  if (process.getuid?.() !== 0) return "this does not run as root";
  const name = `zt-probe-${randomBytes(4).toString("hex")}`;
  try {
    await run("nsenter", ["--version"]);
    await ip("netns", "add", name);
    await ip("netns", "delete", name);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

/**
 * Whether network namespaces can be had; where not, says so, and the file then skips its tests. With
 * ZHENGTONG_TEST_ENGINES=required that is a failure.
 */
export async function networkNamespacesWork(): Promise<boolean> {
  const reason = await missing();
  if (reason === undefined) return true;
  const message = `Network namespaces cannot be had: ${reason}. They need Linux, root, and the programs ip (Debian: iproute2) and nsenter (util-linux).`;
  if (process.env.ZHENGTONG_TEST_ENGINES === "required") throw new Error(message);
  process.stderr.write(`\n!!! SKIPPED: ${message}\n\n`);
  return false;
}

export async function createNetworkNamespace(): Promise<NetworkNamespace> {
  const id = randomBytes(3).toString("hex");
  const name = `zt-${id}`;
  const outside: string[] = [];
  await ip("netns", "add", name);
  await ip("-netns", name, "link", "set", "lo", "up");
  return {
    command: ["nsenter", `--net=/run/netns/${name}`],

    async link() {
      // Addresses of a range that is kept for measuring networks (RFC 2544), so that none of a real network is covered.
      const subnet = `198.${18 + randomInt(2)}.${randomInt(256)}`;
      const base = 4 * randomInt(64);
      const [hostAddress, innerAddress] = [`${subnet}.${base + 1}`, `${subnet}.${base + 2}`];
      const [hostEnd, innerEnd] = [`zt${id}h${outside.length}`, `zt${id}n${outside.length}`];
      outside.push(hostEnd);
      await ip("link", "add", hostEnd, "type", "veth", "peer", "name", innerEnd, "netns", name);
      await ip("address", "add", `${hostAddress}/30`, "dev", hostEnd);
      await ip("link", "set", hostEnd, "up");
      await ip("-netns", name, "address", "add", `${innerAddress}/30`, "dev", innerEnd);
      await ip("-netns", name, "link", "set", innerEnd, "up");
      const ways: Record<Direction, { neighbour: string[]; card: string }> = {
        out: { neighbour: ["-netns", name, "neighbour", "replace", hostAddress, "dev", innerEnd, "nud", "permanent"], card: await cardOf(hostEnd) },
        in: { neighbour: ["neighbour", "replace", innerAddress, "dev", hostEnd, "nud", "permanent"], card: await cardOf(innerEnd, "-netns", name) },
      };
      return {
        hostAddress,
        innerAddress,
        async lose(...directions) {
          for (const direction of directions) await ip(...ways[direction].neighbour, "lladdr", nobody);
        },
        async heal() {
          for (const { neighbour, card } of Object.values(ways)) await ip(...neighbour, "lladdr", card);
        },
      };
    },

    async remove() {
      for (const end of outside) await ip("link", "delete", end);
      await ip("netns", "delete", name);
    },
  };
}

async function cardOf(end: string, ...where: string[]): Promise<string> {
  const { stdout } = await ip(...where, "-json", "link", "show", end);
  return (JSON.parse(stdout) as { address: string }[])[0]!.address;
}

/** Local ports of a process's network that have an established connection to a port elsewhere. */
export function establishedTo(pid: number, port: number): string[] {
  const established = "01";
  return readFileSync(`/proc/${pid}/net/tcp`, "utf8")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state]) => state === established && Number.parseInt(remote!.split(":")[1]!, 16) === port)
    .map(([, local]) => local!.split(":")[1]!);
}

/** Carries connections to `listen.host` on to an address that only this process reaches. */
export async function forward(listen: { host: string }, to: { host: string; port: number }): Promise<{ port: number; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const far = connect(to.port, to.host);
    client.pipe(far).pipe(client);
    for (const [one, other] of [[client, far], [far, client]] as const) {
      open.add(one);
      one.on("error", () => one.destroy());
      one.once("close", () => {
        open.delete(one);
        other.destroySoon();
      });
    }
  });
  await new Promise<void>((done, fail) => server.once("error", fail).listen(0, listen.host, done));
  return {
    port: (server.address() as { port: number }).port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of open) socket.destroy();
      }),
  };
}
