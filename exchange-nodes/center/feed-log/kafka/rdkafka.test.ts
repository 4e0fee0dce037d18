import { expect, test } from "vitest";
import { describeError } from "#platform";
import { clientMissing } from "./rdkafka.ts";

test("a client that was never built is told in one line with what to do; any other hindrance is named", () => {
  const neverBuilt = clientMissing(new Error("Could not locate the bindings file. Tried:\n → /somewhere/build/node-librdkafka.node\n → /elsewhere/node-librdkafka.node"));
  expect(describeError(neverBuilt)).not.toMatch(/\n|somewhere/);
  expect(neverBuilt).toMatchObject({ kind: "Unavailable", code: "kafka.client-missing", nextStep: expect.stringContaining("npm run engines:kafka") as string });
  expect(describeError(clientMissing(new Error("librdkafka.so.1: cannot open shared object file")))).toContain("cannot open shared object file");
});
