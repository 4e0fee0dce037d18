import { hash, verify } from "@node-rs/argon2";

/** Argon2id, 19 MiB, 2 passes, 1 lane (OWASP's first recommendation): about 25 ms on one core. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export function hashPassword(password: string): Promise<string> {
  return hash(password, parameters);
}

export async function verifyPassword(stored: string, password: string): Promise<boolean> {
  try {
    return await verify(stored, password);
  } catch {
    // A stored hash that cannot be read lets nobody in.
    return false;
  }
}
