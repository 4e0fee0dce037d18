import type { CheckApp } from "../case/model/app.ts";
import { unemploymentCheck } from "./definition.ts";
import { writeUnemploymentOutcome } from "./outcome.ts";

export const unemploymentApp: CheckApp = { definition: unemploymentCheck, writeOutcome: writeUnemploymentOutcome };
