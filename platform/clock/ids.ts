import { randomBytes } from "node:crypto";

/** Makes opaque ids. Injected, so that tests can have predictable ones. */
export type NewId = (kind: string) => string;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

function base32(bytes: Uint8Array): string {
  let bits = 0;
  let value = 0;
  let out = "";
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += alphabet[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? out + alphabet[(value << (5 - bits)) & 31] : out;
}

/**
 * `kind_` + 48 bits of time + 72 random bits, base 32: sorts by time of making, so that B-tree inserts
 * stay at the right edge, and says nothing about what it names.
 */
export const newId: NewId = (kind) => {
  const bytes = randomBytes(15);
  bytes.writeUIntBE(Date.now(), 0, 6);
  return `${kind}_${base32(bytes)}`;
};

/** Ids `kind_1`, `kind_2`, … for tests. */
export function createSequentialIds(): NewId {
  const counters = new Map<string, number>();
  return (kind) => {
    const next = (counters.get(kind) ?? 0) + 1;
    counters.set(kind, next);
    return `${kind}_${next}`;
  };
}
