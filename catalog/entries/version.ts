/** `major.minor`: a consumer of one version reads every later one of the same major. Drafts are 0.x. */
export interface VersionNumber {
  major: number;
  minor: number;
}

export function parseVersion(version: string): VersionNumber {
  const parts = /^(\d{1,9})\.(\d{1,9})$/.exec(version);
  // No version has these numbers: asking for one that is misspelt finds none.
  return parts ? { major: Number(parts[1]), minor: Number(parts[2]) } : { major: -1, minor: -1 };
}

export const formatVersion = ({ major, minor }: VersionNumber): string => `${major}.${minor}`;

export const firstDraftVersion = "0.1";
export const firstPublishedVersion = "1.0";

export function nextVersion(version: string, kind: "minor" | "major"): string {
  const { major, minor } = parseVersion(version);
  return kind === "major" ? formatVersion({ major: major + 1, minor: 0 }) : formatVersion({ major, minor: minor + 1 });
}
