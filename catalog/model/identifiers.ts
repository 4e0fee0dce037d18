/** Where the city's identifiers stand (GB/T 21063.5): `33` Zhejiang, `A` the city within it. */
export interface IdentifierArea {
  /** GB/T 2260, first two digits. */
  provinceCode: string;
  /** `0` the province itself, `A`–`Z` without I and O an area below it. */
  areaLetter: string;
}
