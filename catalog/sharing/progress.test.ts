import { afterAll, beforeAll, expect, test } from "vitest";
import { createSharingFixture, type SharingFixture } from "./testing/sharing-fixture.ts";

let city: SharingFixture;
beforeAll(async () => {
  city = await createSharingFixture();
  await city.kernel.notifier.start();
});
afterAll(async () => {
  await city.kernel.notifier.stop();
  await city.drop();
});

test("progress is followed as it happens, by those who may see the request only, and resumed from a position", async () => {
  const provider = city.catalog.sharing.follow(city.people.provider, {});
  const stranger = city.catalog.sharing.follow(city.people.stranger, { after: 0 });
  const first = provider.next();
  const nothing = stranger.next();
  const id = await city.sentRequest(await city.entry());
  const seen = (await first).value!;
  expect(seen.request.id).toBe(id);
  await city.catalog.sharing.reviews.giveOpinion(city.people.provider, id, { opinion: "agree" });

  const resumed = city.catalog.sharing.follow(city.people.clerk, { after: seen.position, requestId: id });
  const kinds: string[] = [];
  for await (const step of resumed) {
    kinds.push(step.kind);
    if (step.kind === "request.decided") break;
  }
  expect(kinds.at(-1)).toBe("request.decided");
  await provider.return!();
  // A reader that waits is woken to end.
  await stranger.return!();
  expect(await nothing).toEqual({ done: true, value: undefined });
});
