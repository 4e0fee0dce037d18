import { UnavailableError } from "#platform";

export function kafkaUnavailable(what: string, cause: unknown): UnavailableError {
  return new UnavailableError(`Kafka does not answer: ${what}`, { zh: "Kafka 暂不可用", code: "kafka.unavailable", nextStep: "Look whether the brokers run and whether this centre may use them (zhengtong doctor). Nothing is lost: what was not accepted is sent again.", cause });
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
