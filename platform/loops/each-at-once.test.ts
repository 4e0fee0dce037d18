import { expect, test } from "vitest";
import { eachAtOnce } from "#platform";

test("every item is worked on once, never more than so many at a time", async () => {
  let running = 0;
  let most = 0;
  const seen: number[] = [];
  await eachAtOnce(Array.from({ length: 20 }, (_, number) => number), 3, async (number) => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    seen.push(number);
    running -= 1;
  });
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, number) => number));
  expect(most).toBe(3);
});

test("after a failure nothing new is begun, and what was under way has ended before it is thrown", async () => {
  const ended: number[] = [];
  let release = () => undefined as void;
  const held = new Promise<void>((done) => (release = done));
  const all = eachAtOnce([1, 2, 3], 2, async (number) => {
    if (number === 2) {
      queueMicrotask(release);
      throw new Error("the second");
    }
    await held;
    ended.push(number);
  });
  await expect(all).rejects.toThrow("the second");
  expect(ended).toEqual([1]);
});
