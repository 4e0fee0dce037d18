import {
  createAuditLog,
  createDatabase,
  createEventLog,
  createNotifier,
  createValidator,
  newId,
  systemClock,
  type Access,
  type Clock,
  type FormatCheck,
  type Kernel,
  type Log,
  type Metrics,
  type NewId,
  type Validator,
} from "#platform";
import { isCitizenNumber, isIndustryCode, isOrganisationCode, isRegionCode, isSocialCreditCode, isThemeCode, schemas } from "#standards";

/** The formats that our schemas name, checked by the standards' own rules. */
const formats: readonly FormatCheck[] = [
  { name: "citizen-number", test: (text) => isCitizenNumber(text), message: "is not a valid citizen number (GB 11643)", zh: "不是合法的公民身份号码" },
  { name: "social-credit-code", test: (text) => isSocialCreditCode(text), message: "is not a valid unified social credit code (GB 32100)", zh: "不是合法的统一社会信用代码" },
  { name: "organisation-code", test: (text) => isOrganisationCode(text), message: "is not a valid organisation code (GB 11714)", zh: "不是合法的组织机构代码" },
  { name: "region-code", test: (text) => isRegionCode(text), message: "is not a code of GB/T 2260", zh: "不是有效的行政区划代码" },
  { name: "theme-code", test: (text) => isThemeCode(text), message: "is not a theme of GB/T 21063.4", zh: "不是主题分类代码" },
  { name: "industry-code", test: (text) => isIndustryCode(text), message: "is not an industry of GB/T 4754", zh: "不是行业分类代码" },
];

export function createStandardsValidator(): Validator {
  return createValidator({ schemas: Object.values(schemas), formats });
}

export interface CreateKernelOptions {
  url: string;
  log: Log;
  metrics: Metrics;
  validator: Validator;
  /** Made once and shared by the kernels of a process: the rules are the same. */
  access: Access;
  maxConnections?: number;
  applicationName?: string;
  clock?: Clock;
  newId?: NewId;
}

export interface RunningKernel extends Kernel {
  start(): Promise<void>;
  close(): Promise<void>;
}

/** One kernel for one database of the centre. */
export function createKernel(options: CreateKernelOptions): RunningKernel {
  const { log, metrics, validator } = options;
  const clock = options.clock ?? systemClock;
  const makeId = options.newId ?? newId;
  const database = createDatabase({ url: options.url, log, maxConnections: options.maxConnections ?? 20, applicationName: options.applicationName ?? "zhengtong-center", statementTimeoutMs: 600_000 });
  const notifier = createNotifier({ database, log });
  return {
    database,
    clock,
    newId: makeId,
    log,
    metrics,
    validator,
    notifier,
    access: options.access,
    audit: createAuditLog({ clock }),
    eventLog: createEventLog({ clock, newId: makeId }),
    start: () => notifier.start(),
    async close() {
      await notifier.stop();
      await database.close();
    },
  };
}
