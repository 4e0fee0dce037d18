/**
 * Repeatable chance: every value of the sample city is a pure function of (seed, what it is for, index), so that any
 * table can be written as a stream, in any order and any size, and two runs with one seed are the same city.
 */
export interface Chance {
  /** A number in [0, 1). */
  unit(purpose: string, index: number): number;
  /** A whole number in [0, below). */
  below(purpose: string, index: number, below: number): number;
  pick<T>(purpose: string, index: number, from: readonly T[]): T;
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

export function createChance(seed: number): Chance {
  const salts = new Map<string, number>();
  const saltOf = (purpose: string) => {
    let salt = salts.get(purpose);
    if (salt === undefined) salts.set(purpose, (salt = mix(hashText(purpose) ^ mix(seed))));
    return salt;
  };
  const unit: Chance["unit"] = (purpose, index) => {
    const salt = saltOf(purpose);
    return (mix(salt ^ mix(index)) * 2_097_152 + (mix(salt + index) >>> 11)) / 9_007_199_254_740_992;
  };
  const below: Chance["below"] = (purpose, index, limit) => Math.floor(unit(purpose, index) * limit);
  return { unit, below, pick: (purpose, index, from) => from[below(purpose, index, from.length)]! };
}
