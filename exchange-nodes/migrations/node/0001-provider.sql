-- The provider side of a node: feeds and their positions, outbox, park, captures, front-end tables, dropped files.

-- One row per feed that this node provides or has provided. Kept after a stop: the sequence goes on if the feed returns.
create table node.feed (
  feed_id text primary key,
  grant_id text not null,
  grant_version integer not null,
  source_name text not null,
  relation text not null,
  -- capturing: changes are captured; halted: this node found a reason not to (halt); stopped: the centre ended it.
  state text not null check (state in ('capturing', 'halted', 'stopped')),
  -- {code, message, zh}: why it is halted.
  halt jsonb,
  -- Set when the rows between position and now are lost to it: only a new generation helps.
  refresh_needed text,
  generation integer not null,
  -- refresh: chunks are being read; live: only changes; ended: a one-off delivery is complete.
  phase text not null check (phase in ('refresh', 'live', 'ended')),
  refresh_begun boolean not null default false,
  -- Source key of the last row of the last durable chunk, one COPY text per key column.
  snapshot_key text[],
  -- Position of the last durable change; changes at or before it are skipped after a restart.
  position_lsn bigint not null default 0,
  position_index integer not null default 0,
  next_sequence bigint not null default 1,
  head_hash text not null,
  acked_sequence bigint not null default 0,
  acked_hash text not null,
  -- What projection, filter, masks and binding were when the generation began.
  plan_digest text not null,
  -- Columns and types of the relation when the generation began: drift is measured against it.
  source_schema jsonb,
  rows_captured bigint not null default 0,
  deletes_captured bigint not null default 0,
  rows_parked bigint not null default 0,
  bytes_captured bigint not null default 0,
  last_captured_at timestamptz,
  last_sent_at timestamptz,
  stopped_at timestamptz,
  updated_at timestamptz not null
);

-- Signed batches that the centre has not acknowledged yet.
create table node.outbox (
  feed_id text not null,
  sequence bigint not null,
  envelope text not null,
  payload bytea not null,
  payload_bytes integer not null,
  rows integer not null,
  created_at timestamptz not null,
  primary key (feed_id, sequence)
);
-- Payloads are compressed or sealed already.
alter table node.outbox alter column payload set storage external;

-- Rows that failed validation: they stay here, in the node's own database, until replayed, discarded or overtaken.
create table node.park (
  park_id text primary key,
  feed_id text not null,
  generation integer not null,
  -- The wire key; null when the key itself cannot be read.
  key_text text,
  lsn bigint not null,
  index integer not null,
  -- The source row as a line of COPY text: the columns named in row_columns.
  row_text text not null,
  row_columns text[] not null,
  -- [{field, code}]
  reasons jsonb not null,
  state text not null check (state in ('parked', 'replayed', 'discarded', 'overtaken')),
  parked_at timestamptz not null,
  settled_at timestamptz
);
create index park_by_feed on node.park (feed_id, state, parked_at);
create index park_by_key on node.park (feed_id, key_text) where state = 'parked';

-- Keys that were sent on a feed with a row condition: only these may be told of as deleted.
create table node.sent_key (
  feed_id text not null,
  key_text text not null,
  primary key (feed_id, key_text)
);

-- One replication slot per source. confirmed_lsn is written before the slot is told: a slot that is further was
-- recreated or moved by somebody else, and rows are missing.
create table node.capture (
  source_name text primary key,
  slot_name text not null,
  publication_name text not null,
  system_identifier text not null,
  confirmed_lsn bigint not null,
  created_at timestamptz not null
);

-- Key of the keyed digest that a grant's hash masks use; never leaves the node.
create table node.mask_key (
  grant_id text primary key,
  key bytea not null
);

-- Tables of the front-end database (schema front) and how they are kept: by slot, by update time, by comparison, by files.
create table node.front_table (
  source_name text not null,
  relation text not null,
  table_name text not null unique,
  mode text not null check (mode in ('slot', 'poll', 'compare', 'file')),
  columns jsonb not null,
  key_columns text[] not null,
  phase text not null check (phase in ('snapshot', 'live')),
  snapshot_key text[],
  -- Source position of the last durable change (slot).
  position_lsn bigint not null default 0,
  position_index integer not null default 0,
  -- Newest update time that was read (poll), as text of the source.
  watermark text,
  -- Last position given out to the journal.
  journal_position bigint not null default 0,
  -- Journal entries at or before it were removed: a feed behind it must refresh.
  trimmed_position bigint not null default 0,
  swept_at timestamptz,
  problem jsonb,
  updated_at timestamptz not null,
  primary key (source_name, relation)
);

-- Files that were taken in, by content.
create table node.dropped_file (
  source_name text not null,
  relation text not null,
  digest text not null,
  file_name text not null,
  outcome text not null check (outcome in ('applied', 'refused')),
  rows integer not null,
  bad_rows integer not null,
  report jsonb not null,
  taken_at timestamptz not null,
  primary key (source_name, relation, digest)
);
