import { pinyin } from "pinyin-pro";
import { InputError, type Issue } from "#platform";
import { commonPasswords, walks } from "./common-passwords.ts";

/** What a password may not be made of: the account's and the department's names. */
export interface PasswordContext {
  username: string;
  displayName?: string;
  organisationNames: readonly string[];
}

interface PasswordRule {
  code: string;
  fails(password: string, context: PasswordContext): boolean;
  message: string;
  zh: string;
}

export const minimumPasswordLength = 10;
const maximumPasswordLength = 200;

const substitutes: Record<string, string> = { "@": "a", "4": "a", "0": "o", "1": "i", "!": "i", "3": "e", $: "s", "5": "s", "7": "t" };

/** Lower case, usual substitutes undone: `P@ssw0rd` and `password` are the same guess. */
export const plain = (text: string): string => [...text.toLowerCase()].map((character) => substitutes[character] ?? character).join("");
const lettersOf = (text: string): string => text.replaceAll(/[^a-z]/g, "");

const commonPlain = new Set(commonPasswords.map(plain));
const commonAsWritten = new Set(commonPasswords);
/** Words that are still weak with digits and signs around them. */
const commonWords = new Set(commonPasswords.map((word) => lettersOf(word.toLowerCase())).concat(commonPasswords.map((word) => lettersOf(plain(word)))).filter((word) => word.length >= 4));

/** How many characters stand beside their neighbour on a walk, either way, or repeat it. */
function stepsAlongWalks(text: string): number {
  let steps = 0;
  for (let index = 1; index < text.length; index += 1) {
    const pair = text.slice(index - 1, index + 1);
    if (pair[0] === pair[1] || walks.some((walk) => walk.includes(pair) || walk.includes(`${pair[1]}${pair[0]}`))) steps += 1;
  }
  return steps;
}

/** The forms in which a name turns up in passwords: itself, its full pinyin, its initials; three characters or more. */
export function formsOfName(name: string): string[] {
  const lower = name.toLowerCase().replaceAll(/\s+/g, "");
  const forms = new Set([lower]);
  if (/\p{Script=Han}/u.test(name)) {
    forms.add(pinyin(name, { toneType: "none", type: "array", nonZh: "removed" }).join(""));
    forms.add(pinyin(name, { toneType: "none", pattern: "first", type: "array", nonZh: "removed" }).join(""));
  }
  return [...forms].filter((form) => form.length >= (/\p{Script=Han}/u.test(form) ? 2 : 3));
}

const rules: readonly PasswordRule[] = [
  { code: "password.short", fails: (password) => [...password].length < minimumPasswordLength, message: `must have at least ${minimumPasswordLength} characters`, zh: `至少需要 ${minimumPasswordLength} 个字符` },
  { code: "password.long", fails: (password) => password.length > maximumPasswordLength, message: `must have at most ${maximumPasswordLength} characters`, zh: `不能超过 ${maximumPasswordLength} 个字符` },
  { code: "password.digits-only", fails: (password) => /^\d+$/.test(password), message: "must not be digits only: telephone numbers and dates are guessed first", zh: "不能全是数字(手机号、生日最先被猜到)" },
  { code: "password.few-characters", fails: (password) => new Set(password.toLowerCase()).size < 5, message: "must use at least 5 different characters", zh: "至少使用 5 个不同的字符" },
  { code: "password.sequence", fails: (password) => stepsAlongWalks(password.toLowerCase()) >= Math.ceil((password.length - 1) * 0.7), message: "must not be a sequence of the keyboard, the alphabet or digits", zh: "不能是键盘、字母或数字的连续序列" },
  {
    code: "password.common",
    fails: (password) => {
      const lower = password.toLowerCase();
      return commonAsWritten.has(lower) || commonPlain.has(plain(password)) || commonWords.has(lettersOf(lower)) || commonWords.has(lettersOf(plain(lower.replace(/^[^a-z@$]+|[^a-z@$]+$/g, ""))));
    },
    message: "is one of the passwords that are tried first, or one with digits around it",
    zh: "属于常见弱密码或其变形",
  },
  {
    code: "password.contains-name",
    fails: (password, { username, displayName, organisationNames }) => [username, ...(displayName === undefined ? [] : [displayName]), ...organisationNames].flatMap(formsOfName).some((form) => password.toLowerCase().includes(form)),
    message: "must not contain the name of the account, the person or the department",
    zh: "不能包含用户名、姓名、单位名称或其拼音",
  },
];

/** Every rule that the password breaks. */
export function checkPassword(password: string, context: PasswordContext): Issue[] {
  return rules.filter((rule) => rule.fails(password, context)).map(({ code, message, zh }) => ({ path: "/password", code, message, zh: `密码${zh}` }));
}

export function assertPassword(password: string, context: PasswordContext): void {
  const issues = checkPassword(password, context);
  if (issues.length > 0) throw new InputError(`The password ${issues.map((issue) => issue.message).join("; ")}`, { zh: issues.map((issue) => issue.zh).join(";"), code: "password.weak", issues, nextStep: "Choose a longer phrase of several unrelated words." });
}

/** What the scan tries for one account: the common passwords in usual spellings, and names with usual endings. */
export function passwordCandidates(context: PasswordContext, dictionary: readonly string[] = commonPasswords): string[] {
  const endings = ["", "123", "1234", "123456", "@123", "@123456", "123!", "888", "666", "2024", "2025", "2026", "@2025", "@2026"];
  const names = [context.username, ...context.organisationNames].flatMap(formsOfName);
  const capital = (word: string) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
  return [...new Set([...dictionary, ...dictionary.filter((word) => /^[a-z]/.test(word)).flatMap((word) => [capital(word), `${word}@123`, `${capital(word)}@123`]), ...names.flatMap((name) => endings.flatMap((ending) => [`${name}${ending}`, `${capital(name)}${ending}`]))])];
}
