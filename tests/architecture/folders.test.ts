import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Which folders each top folder may import (docs/architecture.md). Tests and benches may import every face. */
const allowed: Record<string, readonly string[]> = {
  standards: [],
  platform: ["standards"],
  catalog: ["platform", "standards"],
  "exchange-nodes": ["catalog", "platform", "standards"],
  "base-databases": ["catalog", "platform", "standards"],
  "coordination-apps": ["base-databases", "exchange-nodes", "catalog", "platform", "standards"],
  server: ["coordination-apps", "base-databases", "exchange-nodes", "catalog", "platform", "standards"],
  "admin-ui": [],
};

/** Kept from becoming a drawer: a new subfolder of the kernel is a decision. */
const platformFolders = ["access", "audit", "clock", "config", "crypto", "errors", "event-log", "graphql", "log", "loops", "metrics", "migrations", "postgres", "validation"];

function sourceFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" || entry.name === "dist" ? [] : sourceFiles(path);
    return /\.(ts|tsx)$/.test(entry.name) ? [path] : [];
  });
}

const importPattern = /(?:^|[\s;}])(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  return [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2]!);
}

const isTest = (file: string) => /\.(test|fixture)\.tsx?$/.test(file) || file.includes("/testing/");

test("each folder imports only the folders that the design allows, and only through their faces", () => {
  const wrong: string[] = [];
  for (const [folder, mayImport] of Object.entries(allowed)) {
    for (const file of sourceFiles(join(root, folder))) {
      for (const specifier of importsOf(file)) {
        const face = /^#([a-z-]+)$/.exec(specifier)?.[1];
        if (face !== undefined) {
          if (isTest(file) || mayImport.includes(face)) continue;
          wrong.push(`${relative(root, file)} imports ${specifier}`);
        } else if (specifier.startsWith("#")) wrong.push(`${relative(root, file)} imports deeper than a face: ${specifier}`);
        else if (specifier.startsWith(".")) {
          const target = relative(root, resolve(dirname(file), specifier));
          if (target.split("/")[0] !== folder) wrong.push(`${relative(root, file)} reaches out by path: ${specifier}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

test("inside a folder nobody imports the folder's own face", () => {
  const wrong: string[] = [];
  for (const folder of Object.keys(allowed)) {
    for (const file of sourceFiles(join(root, folder))) {
      if (isTest(file)) continue;
      for (const specifier of importsOf(file)) {
        if (specifier === `#${folder}`) wrong.push(`${relative(root, file)} imports ${specifier}`);
        if (specifier.startsWith(".") && resolve(dirname(file), specifier) === join(root, folder, "index.ts")) wrong.push(`${relative(root, file)} imports its own index.ts`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test("a face only re-exports", () => {
  for (const folder of Object.keys(allowed)) {
    const face = join(root, folder, "index.ts");
    if (!existsSync(face)) continue;
    const statements = readFileSync(face, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\/\/.*$/gm, "").split(";").map((line) => line.trim()).filter(Boolean);
    for (const statement of statements) expect(statement, `${folder}/index.ts`).toMatch(/^export (type )?(\*|\{[\s\S]*\}) (as \w+ )?from /);
  }
});

test("the kernel has the subfolders that were decided, and no loose files beside its composition", () => {
  const entries = readdirSync(join(root, "platform"), { withFileTypes: true });
  expect(entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()).toEqual(platformFolders);
  expect(entries.filter((entry) => entry.isFile()).map((entry) => entry.name).sort()).toEqual(["index.ts", "kernel.ts", "migrations.ts"]);
});

test("only the kernel reads the clock", () => {
  const wrong: string[] = [];
  for (const folder of Object.keys(allowed).filter((name) => name !== "platform" && name !== "admin-ui")) {
    for (const file of sourceFiles(join(root, folder))) {
      if (isTest(file)) continue;
      const text = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\/\/.*$/gm, "");
      if (/new Date\(\)/.test(text)) wrong.push(`${relative(root, file)}: new Date()`);
    }
    for (const file of sqlFiles(join(root, folder))) if (/\bnow\(\)|current_timestamp|current_date/i.test(readFileSync(file, "utf8").replaceAll(/--.*$/gm, ""))) wrong.push(`${relative(root, file)}: SQL clock`);
  }
  expect(wrong).toEqual([]);
});

test("nothing writes to the console but the command line", () => {
  const wrong = Object.keys(allowed)
    .filter((folder) => folder !== "admin-ui")
    .flatMap((folder) => sourceFiles(join(root, folder)))
    .filter((file) => !isTest(file) && /\bconsole\.(log|error|warn|info)\(/.test(readFileSync(file, "utf8").replaceAll(/\/\/.*$/gm, "")))
    .map((file) => relative(root, file));
  expect(wrong).toEqual([]);
});

test("every migration is numbered in its folder without a gap", () => {
  for (const directory of execFileSync("git", ["ls-files", "*.sql"], { cwd: root, encoding: "utf8" }).trim().split("\n").filter((file) => file.includes("migrations/")).map((file) => dirname(file)).filter((directory, index, all) => all.indexOf(directory) === index)) {
    const numbers = readdirSync(join(root, directory)).filter((file) => file.endsWith(".sql") && statSync(join(root, directory, file)).isFile()).sort().map((file) => Number(file.slice(0, 4)));
    expect(numbers, directory).toEqual(numbers.map((_, index) => index + 1));
  }
});

function sqlFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? sqlFiles(join(folder, entry.name)) : entry.name.endsWith(".sql") ? [join(folder, entry.name)] : []));
}
