import { randomBytes } from "node:crypto";
import { sha256 } from "#platform";

/** 256 random bits: nothing to guess, so a plain digest is enough to keep. */
export function createToken(prefix: "zs_" | "zt_"): { token: string; tokenHash: string } {
  const token = `${prefix}${randomBytes(32).toString("base64url")}`;
  return { token, tokenHash: hashToken(token) };
}

export const hashToken = (token: string): string => sha256(token);
