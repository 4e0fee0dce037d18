import { InputError } from "#platform";

/** Whoever returns, refuses, suspends or ends something says why. `member` names the argument in the error. */
export function assertReason(reason: string, member = "reason"): void {
  if (reason.trim().length >= 2 && reason.length <= 2000) return;
  throw new InputError("A reason of 2 to 2000 characters is needed", { zh: "请填写理由(2 至 2000 字)", code: "reason.required", issues: [{ path: `/${member}`, code: "required", message: "is required", zh: "为必填" }] });
}
