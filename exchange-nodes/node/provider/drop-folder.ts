import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readImportFile } from "#catalog";

/** Files in a drop folder: which are there, which are whole, and where they go when they were dealt with. */
export interface DroppedFile {
  name: string;
  path: string;
  size: number;
  modifiedMs: number;
}

export interface FileTable {
  header: string[];
  /** Row number in the file and its cells. */
  rows: { number: number; cells: string[] }[];
  encoding?: string;
}

export const fileLimits = { bytes: 128 * 1024 * 1024, rows: 1_000_000 };

const tableFile = /\.(csv|xlsx)$/i;
/** When a file was taken, before its name in done/. */
const takenPrefix = /^\d{8}T\d{9}-/;

/** `basic_unit*.csv` as an expression on names; letters of any case. */
export function patternOf(relation: string): RegExp {
  return new RegExp(`^${relation.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`, "i");
}

/** The pattern that a file belongs to: its name without what numbers and dates add at the end. */
export function relationOfFile(name: string): string {
  const dot = name.lastIndexOf(".");
  const stem = name.slice(0, dot).replace(takenPrefix, "").replace(/([-_. (]*\d+\)?)+$/, "");
  return `${stem}*${name.slice(dot).toLowerCase()}`;
}

async function list(folder: string): Promise<DroppedFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files: DroppedFile[] = [];
  for (const name of names) {
    if (name.startsWith(".") || name.startsWith("~$") || !tableFile.test(name)) continue;
    const path = join(folder, name);
    // It may have been taken away since.
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) files.push({ name, path, size: found.size, modifiedMs: found.mtimeMs });
  }
  return files.sort((a, b) => a.modifiedMs - b.modifiedMs || (a.name < b.name ? -1 : 1));
}

export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The first sheet, or the file, with its first row as header. */
export async function readTable(file: DroppedFile, bytes: Buffer): Promise<FileTable> {
  const read = await readImportFile({ name: file.name, bytes }, fileLimits);
  const [first, ...rows] = read.tables[0]?.rows ?? [];
  const texts = (cells: readonly unknown[]) => cells.map((cell) => (cell === undefined || cell === null ? "" : String(cell)));
  return { header: texts(first?.cells ?? []).map((cell) => cell.trim()), rows: rows.map((row) => ({ number: row.number, cells: texts(row.cells) })), ...(read.encoding === undefined ? {} : { encoding: read.encoding }) };
}

export interface DropFolder {
  /** Whole files of a pattern, oldest first: with a `.done` marker beside, or of the same size as at the look before. */
  ready(relation: string): Promise<DroppedFile[]>;
  /** Files that were applied, in the order in which they were. */
  applied(relation: string): Promise<DroppedFile[]>;
  /** Everything that says what comes in here. */
  known(): Promise<DroppedFile[]>;
  read(file: DroppedFile): Promise<Buffer>;
  accept(file: DroppedFile, at: Date): Promise<void>;
  refuse(file: DroppedFile, report: string): Promise<void>;
}

export function openDropFolder(folder: string): DropFolder {
  const done = join(folder, "done");
  const failed = join(folder, "failed");
  const looks = new Map<string, string>();

  return {
    async ready(relation) {
      const pattern = patternOf(relation);
      const whole: DroppedFile[] = [];
      for (const file of (await list(folder)).filter(({ name }) => pattern.test(name))) {
        const look = `${file.size} ${file.modifiedMs}`;
        const marked = await stat(`${file.path}.done`).then(() => true, () => false);
        if (marked || looks.get(file.path) === look) whole.push(file);
        looks.set(file.path, look);
      }
      return whole;
    },
    async applied(relation) {
      const pattern = patternOf(relation);
      return (await list(done)).filter(({ name }) => pattern.test(name.replace(takenPrefix, ""))).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    known: async () => [...(await list(done)), ...(await list(folder))],
    read: (file) => readFile(file.path),
    async accept(file, at) {
      await mkdir(done, { recursive: true });
      await rename(file.path, join(done, `${at.toISOString().replaceAll(/[-:.Z]/g, "")}-${file.name}`));
      await rm(`${file.path}.done`, { force: true });
      looks.delete(file.path);
    },
    async refuse(file, report) {
      await mkdir(failed, { recursive: true });
      await writeFile(join(failed, `${file.name}.report.txt`), report);
      await rename(file.path, join(failed, file.name));
      await rm(`${file.path}.done`, { force: true });
      looks.delete(file.path);
    },
  };
}
