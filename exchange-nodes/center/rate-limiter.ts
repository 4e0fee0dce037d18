import type { Clock } from "#platform";

/** A token bucket per key: `perSecond` on average, up to `burst` at once. */
export interface RateLimiter {
  /** Takes `amount`; gives 0 when it was there, else how many milliseconds to wait (and takes nothing). */
  take(key: string, amount: number): number;
}

export function createRateLimiter({ clock, perSecond, burst }: { clock: Clock; perSecond: number; burst: number }): RateLimiter {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(key, amount) {
      const now = clock.now().getTime();
      const bucket = buckets.get(key) ?? { tokens: burst, at: now };
      if (buckets.size > 10_000) buckets.clear();
      buckets.set(key, bucket);
      bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond);
      bucket.at = now;
      // A single request larger than the burst passes when the bucket is full, and leaves a debt.
      if (bucket.tokens >= Math.min(amount, burst)) {
        bucket.tokens -= amount;
        return 0;
      }
      return Math.ceil(((Math.min(amount, burst) - bucket.tokens) / perSecond) * 1000);
    },
  };
}
