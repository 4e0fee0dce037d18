import { expect, test } from "vitest";
import { findSharingClock, sharingClocks } from "./sharing-clocks.ts";

test("the regulation's clocks are the default", () => {
  const days = (
    [
      "reply-unconditional",
      "reply-conditional",
      "reply-extension",
      "provide",
      "correct",
      "update-entry",
      "update-entry-extension",
      "review-entry-change",
    ] as const
  ).map((event) => findSharingClock(event)?.workingDays);
  expect(days).toEqual([1, 10, 10, 20, 10, 10, 5, 2]);
});

test("the profile of 2016 has its own days and none for corrections", () => {
  expect(findSharingClock("update-entry", "legacy-2016")?.workingDays).toBe(15);
  expect(findSharingClock("reply-conditional", "legacy-2016")?.workingDays).toBe(10);
  expect(findSharingClock("correct", "legacy-2016")).toBeUndefined();
});

test("each profile has each event once, with its article", () => {
  const keys = sharingClocks.map((clock) => `${clock.profile} ${clock.event}`);
  expect(new Set(keys).size).toBe(keys.length);
  for (const clock of sharingClocks) expect(clock.article).toMatch(/政务数据共享条例第|国发/);
});
