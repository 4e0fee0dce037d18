import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Folders whose files take longest, in that order: begun last, one of them would go on alone while the other worker has nothing left. */
const slowest = ["/tests/end-to-end/demo", "/tests/integration/neo4j/", "/tests/end-to-end/", "/tests/integration/", "/tests/contracts/"];

export default class SlowestFirstSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => {
      const at = slowest.findIndex((part) => moduleId.includes(part));
      return at < 0 ? slowest.length : at;
    };
    // Within a folder as Vitest does: by what they took last time, else by size.
    return (await super.sort(files)).sort((one, other) => rankOf(one) - rankOf(other));
  }
}
