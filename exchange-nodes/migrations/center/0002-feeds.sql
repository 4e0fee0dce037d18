create table exchange.feed (
  id text primary key,
  grant_id text not null unique,
  grant_version integer not null,
  -- The grant versions from here on have the scope (fields, rows, masks) that the feed has now.
  scope_version integer not null,
  scope_digest text not null,
  entry_id text not null,
  provider_organisation_id text not null,
  consumer_organisation_id text not null,
  application_id text,
  mode text not null check (mode in ('feed', 'batch')),
  -- To a node's target, or to an application that reads through the centre.
  delivery text check (delivery in ('node', 'application')),
  provider_node_id text references exchange.node (id),
  -- Nodes that provided before a new binding: what they signed may still wait in the log.
  former_provider_node_ids text[] not null default '{}',
  subscriber_node_id text references exchange.node (id),
  target jsonb,
  generation integer not null,
  state text not null check (state in ('provisioning', 'flowing', 'paused', 'failed', 'stopping', 'stopped')),
  -- { code, message, zh, sequence? }
  reason jsonb,
  state_at timestamptz not null,
  created_at timestamptz not null,
  limits jsonb not null default '{}',
  -- As the subscriber last said.
  applied_sequence bigint not null default 0,
  applied_at timestamptz,
  -- The log is metered and its envelopes are kept as evidence up to here.
  accounted_sequence bigint not null default 0,
  -- Covered by an evidence root up to here.
  rooted_sequence bigint not null default 0,
  rows_sent bigint not null default 0,
  deletes_sent bigint not null default 0,
  bytes_sent bigint not null default 0,
  last_batch_at timestamptz,
  provider_health jsonb,
  subscriber_health jsonb
);
create index feed_provider_node on exchange.feed (provider_node_id);
create index feed_subscriber_node on exchange.feed (subscriber_node_id);
create index feed_entry on exchange.feed (entry_id);
create index feed_created on exchange.feed (created_at, id);

create table exchange.feed_transition (
  id bigint generated always as identity primary key,
  feed_id text not null references exchange.feed (id),
  change text not null,
  from_state text,
  to_state text not null,
  at timestamptz not null,
  actor_id text not null,
  reason jsonb
);
create index feed_transition_feed on exchange.feed_transition (feed_id, id);

-- How a stop went: from the decision to the last row at each end.
create table exchange.feed_stop (
  feed_id text primary key references exchange.feed (id),
  grant_id text not null,
  reason text not null,
  decided_at timestamptz not null,
  gateway_at timestamptz,
  provider_at timestamptz,
  subscriber_at timestamptz,
  last_batch_at timestamptz,
  last_row_at timestamptz,
  stopped_at timestamptz,
  -- Which confirmations the catalog has been told of.
  announced text[] not null default '{}'
);

-- The feed log of the PostgreSQL adapter.
create table exchange.feed_log_head (
  feed_id text primary key,
  open boolean not null,
  sequence bigint not null,
  hash text not null,
  first_sequence bigint not null,
  -- Of all payloads ever appended.
  total_bytes bigint not null,
  total_rows bigint not null
);

create table exchange.feed_log (
  feed_id text not null,
  sequence bigint not null,
  hash text not null,
  envelope text not null,
  payload bytea not null,
  payload_bytes integer not null,
  -- Totals up to and including this batch: how much waits is a subtraction.
  total_bytes bigint not null,
  total_rows bigint not null,
  received_at timestamptz not null,
  primary key (feed_id, sequence)
);
-- Payloads are compressed or sealed already.
alter table exchange.feed_log alter column payload set storage external;
alter table exchange.feed_log set (autovacuum_vacuum_scale_factor = 0.05);

-- Every envelope that was ever accepted, kept when the log has long been trimmed.
create table exchange.batch_evidence (
  feed_id text not null,
  sequence bigint not null,
  hash text not null,
  envelope text not null,
  received_at timestamptz not null,
  primary key (feed_id, sequence)
);

create table exchange.evidence_root (
  number bigint primary key,
  at timestamptz not null,
  root text not null,
  -- [feedId, sequence, hash] of every feed that had moved, in order.
  leaves jsonb not null,
  previous_root text not null
);

create table exchange.metering (
  grant_id text not null,
  day date not null,
  rows bigint not null,
  deletes bigint not null,
  bytes bigint not null,
  batches bigint not null,
  primary key (grant_id, day)
);

create table exchange.checksum_report (
  feed_id text not null,
  sequence bigint not null,
  command_id text,
  rows_source bigint not null,
  rows_target bigint not null,
  buckets integer not null,
  differing jsonb not null,
  reported_at timestamptz not null,
  primary key (feed_id, sequence)
);
