import { UnavailableError } from "#platform";

/** What brokers and clients say of a setting that is wrong: no waiting helps, and which one it is can be named. */
const wrongSettings = [
  { says: /authentication failed|SASL .*(mechanism|not supported)|unsupported sasl/i, code: "kafka.credentials", message: "Kafka does not accept this centre's user or password", zh: "Kafka 拒绝了本中心的用户名或密码", nextStep: "Check ZHENGTONG_KAFKA_USERNAME, ZHENGTONG_KAFKA_PASSWORD and ZHENGTONG_KAFKA_MECHANISM." },
  { says: /certificate|self[- ]signed|altnames/i, code: "kafka.certificate", message: "The certificate of Kafka's brokers is not trusted", zh: "Kafka 服务器证书不受信任", nextStep: "Set ZHENGTONG_KAFKA_CA_FILE to the authority that signed it, and name the brokers in ZHENGTONG_KAFKA_BROKERS as their certificates do." },
];

export function kafkaUnavailable(what: string, cause: unknown): UnavailableError {
  const wrong = wrongSettings.find(({ says }) => says.test(what));
  if (wrong) return new UnavailableError(`${wrong.message}: ${what}`, { zh: wrong.zh, code: wrong.code, nextStep: wrong.nextStep, cause });
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
