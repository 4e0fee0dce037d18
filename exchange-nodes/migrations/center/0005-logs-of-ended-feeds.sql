-- When the log of a feed that is over was given up, and with it the feed's topic in Kafka. What went through it stays in
-- exchange.batch_evidence.
alter table exchange.feed add column log_dropped_at timestamptz;
