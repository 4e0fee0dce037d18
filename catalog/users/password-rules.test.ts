import { describe, expect, test } from "vitest";
import { checkPassword, formsOfName, passwordCandidates } from "./password-rules.ts";

const context = { username: "lijuan", displayName: "李娟", organisationNames: ["杭州市人力资源和社会保障局", "市人社局"] };
const codes = (password: string) => checkPassword(password, context).map((issue) => issue.code.replace("password.", ""));

describe("a password", () => {
  test.each([
    ["三只猫 walk-on roof7", []],
    ["correct horse battery", []],
    ["kx7-Tuolumne-39", []],
    ["abc123", ["short", "sequence", "common"]],
    ["13805712345", ["digits-only"]],
    ["qwertyuiop", ["sequence", "common"]],
    ["1qaz2wsx3edc", ["sequence", "common"]],
    ["P@ssw0rd2026!", ["common"]],
    ["Admin@123456", ["common"]],
    ["woaini1314520", ["common"]],
    ["aaaaabbbbb12", ["few-characters", "sequence"]],
    ["lijuan-tree-88", ["contains-name"]],
    ["Lijuan8-forest", ["contains-name"]],
    ["srsj-likes-tea-9", ["contains-name"]],
    ["市人社局加油2026年", ["contains-name"]],
  ])("%s breaks %j", (password, expected) => expect(codes(password)).toEqual(expected));

  test("every finding speaks both languages", () => {
    for (const issue of checkPassword("1", context)) {
      expect(issue.message).not.toBe("");
      expect(issue.zh).toMatch(/^密码/);
    }
  });
});

test("a Chinese name is looked for as itself, in pinyin and by initials", () => {
  expect(formsOfName("市人社局")).toEqual(["市人社局", "shirensheju", "srsj"]);
});

test("the scan tries usual passwords and the names with usual endings, each once", () => {
  const candidates = passwordCandidates(context);
  expect(candidates).toEqual(expect.arrayContaining(["123456", "Admin@123", "lijuan123", "Srsj@2026"]));
  expect(new Set(candidates).size).toBe(candidates.length);
});
