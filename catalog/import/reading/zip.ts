import { crc32, inflateRawSync } from "node:zlib";
import { UnreadableError } from "./limits.ts";

const localHeader = 0x04034b50;
const centralHeader = 0x02014b50;
const endOfDirectory = 0x06054b50;

export interface ZipMember {
  name: string;
  bytes: Buffer;
}

const broken = (fileName: string, why: string, cause?: unknown): UnreadableError =>
  new UnreadableError({ code: "file.zip", message: `${fileName} is not a readable workbook: ${why}`, zh: `${fileName} 不是可读的 XLSX 工作簿`, nextStep: "Open it in Excel or WPS and save it again as XLSX, without a password." }, cause);

/**
 * The members of a zip, unpacked under one budget: what a header claims is not believed, inflation itself stops at the
 * budget. Members that are neither sheets nor what sheets need are not unpacked at all.
 */
export function unzip(bytes: Buffer, fileName: string, budget: number, wanted: (name: string) => boolean): ZipMember[] {
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end === -1 || end + 22 > bytes.length || bytes.readUInt32LE(end) !== endOfDirectory) throw broken(fileName, "its directory is missing (the file may be cut off)");
  const count = bytes.readUInt16LE(end + 10);
  let at = bytes.readUInt32LE(end + 16);
  let left = budget;
  const members: ZipMember[] = [];
  const seen = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== centralHeader) throw broken(fileName, "its directory is damaged");
    const flags = bytes.readUInt16LE(at + 8);
    const method = bytes.readUInt16LE(at + 10);
    const packedSize = bytes.readUInt32LE(at + 20);
    const nameLength = bytes.readUInt16LE(at + 28);
    const offset = bytes.readUInt32LE(at + 42);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength).replaceAll("\\", "/");
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    if (!wanted(name) || seen.has(name)) continue;
    seen.add(name);
    if ((flags & 1) !== 0) throw broken(fileName, "it is protected by a password");
    if (offset + 30 > bytes.length || bytes.readUInt32LE(offset) !== localHeader) throw broken(fileName, "a member is damaged");
    const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
    if (start + packedSize > bytes.length) throw broken(fileName, "a member is cut off");
    const unpacked = unpack(bytes.subarray(start, start + packedSize), method, left, budget, fileName);
    left -= unpacked.length;
    members.push({ name, bytes: unpacked });
  }
  return members;
}

function unpack(packed: Buffer, method: number, left: number, budget: number, fileName: string): Buffer {
  const tooBig = (cause?: unknown) => new UnreadableError({ code: "file.unpacked-too-big", message: `${fileName} unpacks to more than ${Math.round(budget / 1_048_576)} MB`, zh: `${fileName} 解压后超过 ${Math.round(budget / 1_048_576)} MB`, nextStep: "Split the workbook, or delete pictures and unused sheets." }, cause);
  if (method === 0) {
    if (packed.length > left) throw tooBig();
    return packed;
  }
  if (method !== 8) throw broken(fileName, `a member is packed by method ${method}`);
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, left) });
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") throw tooBig(error);
    throw broken(fileName, "a member is damaged", error);
  }
}

/** A zip of members as they are, unpacked: what was measured is exactly what the workbook library gets. */
export function storeZip(members: readonly ZipMember[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes } of members) {
    const nameBytes = Buffer.from(name, "utf8");
    const sum = crc32(bytes);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(localHeader, 0);
    header.writeUInt16LE(20, 4);
    header.writeUInt16LE(0x0800, 6);
    header.writeUInt32LE(sum, 14);
    header.writeUInt32LE(bytes.length, 18);
    header.writeUInt32LE(bytes.length, 22);
    header.writeUInt16LE(nameBytes.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(centralHeader, 0);
    entry.writeUInt16LE(20, 4);
    entry.writeUInt16LE(20, 6);
    entry.writeUInt16LE(0x0800, 8);
    entry.writeUInt32LE(sum, 16);
    entry.writeUInt32LE(bytes.length, 20);
    entry.writeUInt32LE(bytes.length, 24);
    entry.writeUInt16LE(nameBytes.length, 28);
    entry.writeUInt32LE(offset, 42);
    parts.push(header, nameBytes, bytes);
    directory.push(entry, nameBytes);
    offset += header.length + nameBytes.length + bytes.length;
  }
  const directoryBytes = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(endOfDirectory, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directoryBytes.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directoryBytes, end]);
}
