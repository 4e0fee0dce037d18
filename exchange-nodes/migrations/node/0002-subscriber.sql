-- Who this node is: its keys never leave it.
create table node.identity (
  singleton boolean primary key default true check (singleton),
  node_id text,
  suite text not null,
  public_key text not null,
  private_key text not null,
  sealing_public_key text not null,
  sealing_private_key text not null,
  center_public_key text,
  center_suite text,
  created_at timestamptz not null,
  enrolled_at timestamptz
);

-- Received command ids: a command that comes twice is done once.
create table node.inbox_command (
  id text primary key,
  kind text not null,
  received_at timestamptz not null,
  outcome jsonb,
  acknowledged_at timestamptz
);

-- What the subscriber follows, so that a restart knows its targets before the centre answers. Positions stand in the
-- target databases, beside the rows (schema exchange_target).
create table node.subscription (
  feed_id text primary key,
  target_name text not null,
  schema_name text not null,
  table_name text not null,
  state text not null check (state in ('flowing', 'paused', 'stopped')),
  problem jsonb,
  last_row_at timestamptz,
  stopped_at timestamptz,
  updated_at timestamptz not null
);
