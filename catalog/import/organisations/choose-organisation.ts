import { ConflictError, NotFoundError } from "#platform";
import type { Organisation } from "../../model/types.ts";

/** The one organisation that somebody names: by id, full or short name, or unified social credit code. */
export function chooseOrganisation(organisations: readonly Organisation[], reference: string): Organisation {
  const wanted = reference.trim();
  const found = organisations.filter(({ id, name, shortName, socialCreditCode }) => [id, name, shortName, socialCreditCode].includes(wanted));
  if (found.length === 0) throw new NotFoundError(`No organisation ${wanted}`, { zh: `机构“${wanted}”不存在`, code: "organisation.not-found", nextStep: "Give its full name, its short name, its unified social credit code or its id." });
  if (found.length > 1) throw new ConflictError(`Several organisations go by ${wanted}: ${found.map((each) => each.name).join(", ")}`, { zh: `有多个机构使用名称“${wanted}”`, code: "organisation.ambiguous", nextStep: "Give the full name." });
  return found[0]!;
}
