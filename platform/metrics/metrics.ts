import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

/** Prometheus metrics of one process. Metric names start with `zhengtong_`, units stand in the name. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter<string>;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge<string>;
  histogram(name: string, help: string, labels?: readonly string[], buckets?: number[]): Histogram<string>;
  /** The text of /metrics. */
  text(): Promise<string>;
  contentType: string;
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics({ processMetrics = false }: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry, prefix: "zhengtong_" });
  const once = <M>(name: string, make: () => M): M => (registry.getSingleMetric(`zhengtong_${name}`) as M | undefined) ?? make();
  return {
    counter: (name, help, labels = []) => once(name, () => new Counter({ name: `zhengtong_${name}`, help, labelNames: [...labels], registers: [registry] })),
    gauge: (name, help, labels = []) => once(name, () => new Gauge({ name: `zhengtong_${name}`, help, labelNames: [...labels], registers: [registry] })),
    histogram: (name, help, labels = [], buckets = secondsBuckets) => once(name, () => new Histogram({ name: `zhengtong_${name}`, help, labelNames: [...labels], buckets, registers: [registry] })),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
