-- A batch's payload lies in its row or in a record of the feed's Kafka topic; everything else about it stays in the row.
alter table exchange.feed_log alter column payload drop not null;
alter table exchange.feed_log add column record_offset bigint;
alter table exchange.feed_log add constraint feed_log_payload_in_one_place check ((payload is null) = (record_offset is not null));

-- Which adapter takes appends: a centre that is configured for the other one must not.
alter table exchange.feed_log_head add column store text not null default 'postgres' check (store in ('postgres', 'kafka'));
