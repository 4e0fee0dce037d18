export type * from "./generated/types.ts";
export * from "./generated/values.ts";
export { schemas } from "./schemas.ts";
export type { JsonSchema, SchemaName } from "./schemas.ts";
export type { StandardIssue } from "./issue.ts";

export { maskDescriptions, maskedItem, maskSql, maskValue } from "./masks/masks.ts";
export type { MaskDescription, MaskOptions } from "./masks/masks.ts";

export { checkRowCondition, rowConditionLimits } from "./row-conditions/check-row-condition.ts";
export { compileRowCondition, evaluateRowCondition } from "./row-conditions/evaluate-row-condition.ts";
export type { NamedRow } from "./row-conditions/evaluate-row-condition.ts";
export type { CellValue } from "./row-conditions/comparison-keys.ts";
export { explainRowCondition } from "./row-conditions/explain-row-condition.ts";
export type { BilingualText } from "./row-conditions/explain-row-condition.ts";
export { comparisonsOf, fieldsOfRowCondition } from "./row-conditions/fields.ts";
export { rowConditionToSql } from "./row-conditions/row-condition-to-sql.ts";
export type { RowConditionColumn, SqlCondition } from "./row-conditions/row-condition-to-sql.ts";

export {
  checkCitizenNumber,
  isCitizenNumber,
  makeCitizenNumber,
  normaliseCitizenNumber,
  toEighteenCharacters,
} from "./codes/citizen-number.ts";
export type {
  CheckCitizenNumberOptions,
  CitizenNumber,
  CitizenNumberVerdict,
  MakeCitizenNumberOptions,
} from "./codes/citizen-number.ts";
export {
  checkSocialCreditCode,
  isSocialCreditCode,
  makeSocialCreditCode,
  normaliseSocialCreditCode,
} from "./codes/social-credit-code.ts";
export type {
  MakeSocialCreditCodeOptions,
  SocialCreditCode,
  SocialCreditCodeVerdict,
} from "./codes/social-credit-code.ts";
export {
  checkOrganisationCode,
  isOrganisationCode,
  makeOrganisationCode,
  normaliseOrganisationCode,
} from "./codes/organisation-code.ts";
export type { OrganisationCodeVerdict } from "./codes/organisation-code.ts";

export {
  codeSetNames,
  findCodeSet,
  getCodeSet,
  isCode,
  isIndustryCode,
  isRegionCode,
  labelOf,
  searchCodes,
} from "./codes/code-sets.ts";
export { findCode } from "./codes/code-set.ts";
export type { CodeEntry, CodeSet, SearchCodesOptions } from "./codes/code-set.ts";
export { fullDivisionName } from "./codes/divisions.ts";
export {
  hangzhouDivisionChanges,
  hangzhouDivisions2008,
  hangzhouDivisionsNow,
} from "./codes/hangzhou-division-changes.ts";
export type { DivisionChange } from "./codes/hangzhou-division-changes.ts";
export { expandMaritalCode, reducedMaritalCodes, reduceMaritalCode } from "./codes/personal-code-sets.ts";
export { isThemeCode } from "./codes/themes.ts";
export { isIsoDate } from "./codes/dates.ts";
export { themeCodeOf, themeNameOf } from "./codes/theme-names.ts";

export { CalendarYearMissingError, createWorkingCalendar } from "./calendar/working-calendar.ts";
export type { WorkingCalendar } from "./calendar/working-calendar.ts";
export type { CalendarDay, DayReason, DeadlineExplanation, SkippedDays } from "./calendar/calendar-day.ts";
export { holidayNotices, parseHolidayNotice } from "./calendar/holiday-notices.ts";
export type { HolidayNotice } from "./calendar/holiday-notices.ts";

export {
  clockEvents,
  clockProfiles,
  defaultClockProfile,
  findSharingClock,
  sharingClocks,
  useRecordRetentionYears,
} from "./deadlines/sharing-clocks.ts";
export type { ClockEvent, ClockProfile, SharingClock } from "./deadlines/sharing-clocks.ts";

export {
  formatEntryCode,
  formatEntryCodeFront,
  isEntryCode,
  isGuideCategory,
  nextEntrySequence,
  parseEntryCode,
} from "./identifiers/entry-code.ts";
export type { EntryCode, EntryCodeVerdict } from "./identifiers/entry-code.ts";
export {
  formatMetadataIdentifier,
  formatResourceIdentifier,
  formatResourcePrefix,
  isMetadataIdentifier,
  isResourceIdentifier,
  parseResourceIdentifier,
} from "./identifiers/resource-identifier.ts";
export type {
  ResourceIdentifier,
  ResourceIdentifierVerdict,
  ResourcePrefixOptions,
} from "./identifiers/resource-identifier.ts";

export { normaliseUpdateCycle, updateCycleNames } from "./vocabularies/update-cycles.ts";
export { normaliseOpenness, normaliseSharingType, sharingTypeNames } from "./vocabularies/sharing-types.ts";
export type { Openness } from "./vocabularies/sharing-types.ts";
export { formatClassNames, normaliseFormat, normaliseFormats } from "./vocabularies/formats.ts";
export type { NormalisedFormats, ResourceFormat } from "./vocabularies/formats.ts";
export { splitListText } from "./vocabularies/list-text.ts";
export { normaliseIndustry, normaliseTheme } from "./vocabularies/themes.ts";
export type { Normalised } from "./vocabularies/normalised.ts";
