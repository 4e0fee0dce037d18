import { UnavailableError } from "#platform";

export function kafkaUnavailable(what: string, cause: unknown): UnavailableError {
  return new UnavailableError(`Kafka does not answer: ${what}`, { zh: "Kafka 暂不可用", code: "kafka.unavailable", nextStep: "Look whether the brokers run and whether this centre may use them (zhengtong doctor). Nothing is lost: what was not accepted is sent again.", cause });
}

/** The code of the error that a record is asked for which lies behind the topic's end, or in a topic that is not there. */
export const beyondEnd = "kafka.beyond-end";

export function recordBeyondEnd(topic: string, offset: number, high: number): UnavailableError {
  return new UnavailableError(`${topic} ends at ${high}; the record at ${offset}, which was acknowledged, is not there`, { zh: "Kafka 主题中缺少已确认的记录", code: beyondEnd, nextStep: "If brokers are coming back, wait. If the topic was lost, its subscribers will refresh by themselves in a minute." });
}

/** A client's farewell, which brokers that are away must not hold up. */
export function ended(disconnect: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 10_000);
    disconnect(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
