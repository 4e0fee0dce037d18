import { findCodeSet, type DataElementStatus } from "#standards";
import { ConflictError, InputError, NotAllowedError, NotFoundError, type Actor, type Issue, type Kernel, type Reader, type Transaction } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import { normaliseItemName } from "../model/item-names.ts";
import { allocateNumber } from "../numbers/number-series.ts";
import { findOrganisationByName } from "../organisations/organisation-repository.ts";
import { checkName, dataElementTransitions, isDataElementTransition, namesOf, suggestElements, type DataElementAction, type DataElementInput, type DataElementSuggestion, type RegisteredDataElement, type SuggestionSubject } from "./data-element-model.ts";
import { contentOf, findDataElement, findDataElements, findDataElementsByNames, insertDataElement, listDataElements, listSuggestible, updateDataElement } from "./data-element-repository.ts";

export interface DataElementFilter {
  status?: DataElementStatus;
  /** Part of the name or a synonym. */
  text?: string;
  authorityOrganisationId?: string;
}

/** The registry of data elements (GB/T 18391.6). */
export interface DataElementService {
  /** By any department; it can be bound to at once and becomes standard by the city data office. */
  propose(actor: Actor, input: DataElementInput): Promise<RegisteredDataElement>;
  /** A draft by who proposed it; a standard one by the city data office, but for its type and what it means. */
  change(actor: Actor, identifier: string, changes: Partial<DataElementInput>): Promise<RegisteredDataElement>;
  /** Nobody makes their own proposal standard. */
  standardise(actor: Actor, identifier: string): Promise<RegisteredDataElement>;
  retire(actor: Actor, identifier: string, input: { reason: string; replacedBy?: string }): Promise<RegisteredDataElement>;
  get(actor: Actor, identifier: string): Promise<RegisteredDataElement>;
  getMany(actor: Actor, identifiers: readonly string[]): Promise<(RegisteredDataElement | undefined)[]>;
  /** By identifier. */
  list(actor: Actor, filter: DataElementFilter, page: PageRequest): Promise<Page<RegisteredDataElement>>;
  /** For each item the elements that it could be, the likeliest first. */
  suggest(actor: Actor, items: readonly SuggestionSubject[], limit?: number): Promise<DataElementSuggestion[][]>;
}

const highestNumber = 99_999;
/** What stays as it is once others rely on it. */
const fixedMembers = ["name", "objectClass", "property", "representation", "type", "codeSet", "format"] as const;

export function createDataElementService({ kernel }: { kernel: Kernel }): DataElementService {
  const { access, audit, clock, database, validator } = kernel;

  async function getElement(tx: Transaction, identifier: string): Promise<RegisteredDataElement> {
    const element = await findDataElement(tx, identifier, "for update");
    if (!element) throw missing(identifier);
    return element;
  }

  /** Schema, name, code set, authority and clashes with other elements' names; with the authority found. */
  async function checked(reader: Reader, element: RegisteredDataElement): Promise<RegisteredDataElement> {
    const issues: Issue[] = validator.validate("data-element", contentOf(element));
    if (issues.length === 0) {
      issues.push(...checkName(element.name, element));
      if (element.codeSet !== undefined && findCodeSet(element.codeSet) === undefined) issues.push({ path: "/codeSet", code: "data-element.code-set", message: `there is no code set ${element.codeSet}`, zh: `未知的代码集 ${element.codeSet}` });
      const names = namesOf(element);
      for (const other of await findDataElementsByNames(reader, names)) {
        if (other.element.identifier === element.identifier) continue;
        const shared = names.filter((name) => other.normalisedNames.includes(name));
        issues.push({ path: shared.includes(normaliseItemName(element.name)) ? "/name" : "/synonyms", code: "data-element.name-taken", message: `${shared.join(", ")} names ${other.element.identifier} (${other.element.name})`, zh: `“${shared.join("、")}”已用于数据元 ${other.element.identifier}(${other.element.name})` });
      }
    }
    const { authorityOrganisationId: _organisation, ...rest } = element;
    const authority = element.authority === undefined ? undefined : await findOrganisationByName(reader, element.authority);
    if (element.authority !== undefined && !authority) issues.push({ path: "/authority", code: "data-element.authority", message: `no organisation is called ${element.authority}`, zh: `没有名为“${element.authority}”的机构` });
    if (issues.length > 0) throw new InputError(`The data element has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: `数据元有 ${issues.length} 处问题:${issues[0]!.zh}`, code: "data-element.invalid", issues });
    return authority ? { ...rest, authorityOrganisationId: authority.id } : rest;
  }

  /** The only writer of an element's status. */
  async function transition(tx: Transaction, actor: Actor, element: RegisteredDataElement, action: DataElementAction, changes: Partial<RegisteredDataElement>, detail: Record<string, unknown>): Promise<RegisteredDataElement> {
    if (!isDataElementTransition(element.status, action)) throw new ConflictError(`Data element ${element.identifier} is ${element.status}: ${action} is not possible`, { zh: "数据元的当前状态不允许该操作", code: `data-element.${action}.wrong-state` });
    const next: RegisteredDataElement = { ...element, ...changes, status: dataElementTransitions[action].to, updatedAt: clock.now(), decidedBy: actor.id };
    await updateDataElement(tx, next);
    await audit.record(tx, actor, { action: `data-element.${action}`, objectType: "data-element", objectId: element.identifier, detail: { ...detail, from: element.status, to: next.status } });
    return next;
  }

  return {
    async propose(actor, input) {
      access.assertAnyScope(actor, "data-element", "propose");
      return database.withTransaction(async (tx) => {
        const number = await allocateNumber(tx, "data-element");
        if (number > highestNumber) throw new ConflictError("All identifiers DE00001 to DE99999 are given out", { zh: "数据元标识符已用完", code: "data-element.numbers-used-up" });
        const at = clock.now();
        const element = await checked(tx, { ...input, identifier: `DE${String(number).padStart(5, "0")}`, version: "0.1", status: "draft", proposedBy: actor.id, proposedAt: at, updatedAt: at });
        await insertDataElement(tx, element);
        await audit.record(tx, actor, { action: "data-element.propose", objectType: "data-element", objectId: element.identifier, detail: { name: element.name } });
        return element;
      });
    },

    async change(actor, identifier, changes) {
      access.assertAnyScope(actor, "data-element", "propose");
      return database.withTransaction(async (tx) => {
        const before = await getElement(tx, identifier);
        if (before.status === "retired") throw new ConflictError(`Data element ${identifier} is retired`, { zh: "数据元已废止", code: "data-element.retired", nextStep: "Propose a new element." });
        if (before.status === "standard") {
          access.assert(actor, "data-element", "decide", { id: identifier });
          const fixed = fixedMembers.filter((member) => member in changes && changes[member] !== before[member]);
          if (fixed.length > 0) throw new ConflictError(`Data element ${identifier} is standard: ${fixed.join(", ")} cannot change`, { zh: "标准数据元的名称、类型和值域不能修改", code: "data-element.fixed", nextStep: "Propose a new element and retire this one in its favour." });
        } else if (before.proposedBy !== actor.id && !access.allows(actor, "data-element", "decide", before)) {
          throw new NotAllowedError(`Data element ${identifier} was proposed by somebody else`, { zh: "只能修改本人提出的数据元", code: "data-element.not-yours" });
        }
        const [major, minor] = before.version.split(".");
        const after = await checked(tx, { ...before, ...changes, identifier, version: `${major}.${Number(minor) + 1}`, updatedAt: clock.now() });
        await updateDataElement(tx, after);
        await audit.record(tx, actor, { action: "data-element.change", objectType: "data-element", objectId: identifier, detail: { members: Object.keys(changes), version: after.version } });
        return after;
      });
    },

    async standardise(actor, identifier) {
      access.assertAnyScope(actor, "data-element", "decide");
      return database.withTransaction(async (tx) => {
        const element = await getElement(tx, identifier);
        if (element.proposedBy === actor.id) throw new NotAllowedError("Nobody makes their own proposal standard", { zh: "不能审定本人提出的数据元", code: "data-element.self-approval", nextStep: "Ask another reviewer." });
        return transition(tx, actor, element, "standardise", { version: "1.0" }, { version: "1.0" });
      });
    },

    async retire(actor, identifier, { reason, replacedBy }) {
      access.assertAnyScope(actor, "data-element", "decide");
      if (reason.trim().length < 2) throw new InputError("A reason is needed", { zh: "须填写原因", code: "data-element.no-reason" });
      return database.withTransaction(async (tx) => {
        const element = await getElement(tx, identifier);
        if (replacedBy !== undefined) {
          const successor = await findDataElement(tx, replacedBy);
          if (!successor || successor.status === "retired" || replacedBy === identifier) throw new InputError(`${replacedBy} cannot replace ${identifier}`, { zh: "替代数据元不存在或已废止", issues: [{ path: "/replacedBy", code: "data-element.replaced-by", message: "is another element in use", zh: "应为另一个在用的数据元" }] });
        }
        return transition(tx, actor, element, "retire", replacedBy === undefined ? {} : { replacedBy }, { reason, ...(replacedBy === undefined ? {} : { replacedBy }) });
      });
    },

    async get(actor, identifier) {
      access.assert(actor, "data-element", "see", { id: identifier });
      const element = await database.read((reader) => findDataElement(reader, identifier));
      if (!element) throw missing(identifier);
      return element;
    },

    async getMany(actor, identifiers) {
      access.assertAnyScope(actor, "data-element", "see");
      const found = await database.read((reader) => findDataElements(reader, identifiers));
      return identifiers.map((identifier) => found.get(identifier));
    },

    async list(actor, filter, { first, after }) {
      access.assertAnyScope(actor, "data-element", "see");
      checkPageSize(first);
      const afterIdentifier = after === undefined ? "" : String(decodeCursor(after, 1)[0]);
      return toPage(await database.read((reader) => listDataElements(reader, { ...filter, afterIdentifier, limit: first + 1 })), first, (row) => encodeCursor([row.identifier]));
    },

    async suggest(actor, items, limit = 5) {
      access.assertAnyScope(actor, "data-element", "see");
      if (items.length > 500) throw new InputError(`Suggestions are made for up to 500 items at once, not ${items.length}`, { zh: "一次最多为 500 个信息项推荐数据元", code: "data-element.too-many" });
      const elements = await database.read(listSuggestible);
      return items.map((item) => suggestElements(item, elements, limit));
    },
  };
}

const missing = (identifier: string) => new NotFoundError(`No data element ${identifier}`, { zh: `没有数据元 ${identifier}`, code: "data-element.not-found" });
