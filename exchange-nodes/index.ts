export * from "./protocol/envelope.ts";
export * from "./protocol/payload.ts";
export * from "./protocol/frames.ts";
export * from "./protocol/request-signing.ts";
export * from "./protocol/copy-text.ts";
export * from "./protocol/checksum.ts";
export * from "./protocol/assignments.ts";
