-- Who this node is: its keys never leave it. (Where a feed's application stands is kept in the target databases,
-- beside the rows: schema exchange_target.)
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
