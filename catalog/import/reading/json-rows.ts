import { tooLong, tooManyColumns, tooManyRows, UnreadableError, type ReadLimits } from "./limits.ts";
import type { RawRow } from "./raw-table.ts";

/** Members under which the list of objects stands in documents that wrap it: DCAT-US, CKAN, our own export, portals' answers. */
const listMembers = ["dataset", "results", "entries", "packages", "datasets", "records", "rows", "items", "data", "list"] as const;

type JsonObject = Record<string, unknown>;

const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Objects as rows. Members become columns by position, so a member called `__proto__` is a column of that name and
 * nothing else.
 */
export function readJsonRows(text: string, fileName: string, limits: ReadLimits): { columns: string[]; rows: RawRow[]; envelope: Record<string, string> } {
  const { objects, envelope } = findObjects(text, fileName);
  if (objects.length > limits.rows) throw tooManyRows(limits.rows);
  const positions = new Map<string, number>();
  const rows = objects.map((value, index): RawRow => {
    const number = index + 1;
    if (!isObject(value)) throw new UnreadableError({ code: "file.json-not-object", message: `${fileName}, element ${number} is not an object`, zh: `${fileName} 第 ${number} 个元素不是对象`, nextStep: "Give a list of objects, one for each entry." });
    const cells: unknown[] = [];
    for (const [name, cell] of Object.entries(value)) {
      let position = positions.get(name);
      if (position === undefined) {
        position = positions.size;
        if (position >= limits.columns) throw tooManyColumns(`${fileName}, element ${number}`, position + 1, limits.columns);
        positions.set(name, position);
      }
      if (typeof cell === "string" && cell.length > limits.cellCharacters) throw tooLong(`${fileName}, element ${number}, ${name.slice(0, 60)}`, cell.length, limits.cellCharacters);
      cells[position] = cell;
    }
    return { number, cells: Array.from(cells) };
  });
  return { columns: [...positions.keys()], rows, envelope };
}

function findObjects(text: string, fileName: string): { objects: unknown[]; envelope: Record<string, string> } {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch (error) {
    return { objects: readLines(text, fileName, error), envelope: {} };
  }
  if (Array.isArray(whole)) return { objects: whole, envelope: {} };
  if (isObject(whole)) {
    const inner = isObject(whole.result) && !Array.isArray(whole.result) ? whole.result : whole;
    for (const member of listMembers) {
      const list = Object.hasOwn(inner, member) ? inner[member] : undefined;
      if (Array.isArray(list) && list.every(isObject)) return { objects: list, envelope: textMembers(inner) };
    }
    return { objects: [whole], envelope: {} };
  }
  throw new UnreadableError({ code: "file.json-no-list", message: `${fileName} holds no list of objects`, zh: `${fileName} 中没有对象列表`, nextStep: 'Give a JSON array of objects, an object with "dataset", "results" or "entries", or one object a line.' });
}

const textMembers = (object: JsonObject): Record<string, string> => Object.fromEntries(Object.entries(object).flatMap(([name, value]) => (typeof value === "string" && name !== "__proto__" ? [[name, value.slice(0, 300)]] : [])));

function readLines(text: string, fileName: string, wholeError: unknown): unknown[] {
  const lines = text.split("\n");
  const objects: unknown[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    try {
      objects.push(JSON.parse(line));
    } catch (error) {
      // Only a file that began as one object a line is told about the line; any other about itself as a whole.
      const why = objects.length > 0 ? `line ${index + 1}: ${(error as Error).message}` : (wholeError as Error).message;
      throw new UnreadableError({ code: "file.json", message: `${fileName} is not JSON: ${why.slice(0, 300)}`, zh: `${fileName} 不是合法的 JSON${objects.length > 0 ? `(第 ${index + 1} 行)` : ""}`, nextStep: "Export the file again; it may have been cut off." }, error);
    }
  }
  return objects;
}
