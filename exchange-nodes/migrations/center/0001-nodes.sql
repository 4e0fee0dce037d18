-- The centre's own signing key, made once; every centre process signs with it.
create table exchange.center_key (
  singleton boolean primary key default true check (singleton),
  suite text not null,
  public_key text not null,
  private_key text not null,
  created_at timestamptz not null
);

create table exchange.node (
  id text primary key,
  name text not null unique,
  organisation_id text not null,
  state text not null check (state in ('invited', 'enrolled', 'suspended', 'retired')),
  state_reason text,
  suite text check (suite in ('sha256-ed25519', 'sm3-sm2')),
  public_key text,
  sealing_key text,
  manifest jsonb,
  invited_by text not null,
  created_at timestamptz not null,
  enrolled_at timestamptz,
  last_seen_at timestamptz,
  skew_ms integer,
  -- ok, degraded, silent; what was last announced as node.health.
  health text not null check (health in ('unknown', 'ok', 'degraded', 'silent')),
  health_detail jsonb not null default '{}',
  heartbeat jsonb,
  -- Rises with every change that concerns the node's assignments.
  assignments_version bigint not null default 1,
  check (state = 'invited' or (suite is not null and public_key is not null and sealing_key is not null))
);
create index node_organisation on exchange.node (organisation_id);
create unique index node_public_key on exchange.node (public_key);

create table exchange.node_transition (
  id bigint generated always as identity primary key,
  node_id text not null references exchange.node (id),
  change text not null,
  from_state text,
  to_state text not null,
  at timestamptz not null,
  actor_id text not null,
  reason text
);
create index node_transition_node on exchange.node_transition (node_id, id);

create table exchange.enrolment_code (
  -- SHA-256 of the code; the code itself is shown once and never stored.
  code_hash text primary key,
  node_id text not null references exchange.node (id),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);

create table exchange.nonce (
  node_id text not null,
  nonce text not null,
  expires_at timestamptz not null,
  primary key (node_id, nonce)
);
create index nonce_expiry on exchange.nonce (expires_at);

-- One round trip and no wait for the disk: after a crash of the server the last half second of nonces may be
-- forgotten, and what could be replayed then (batches) is idempotent.
create function exchange.remember_nonce(the_node text, the_nonce text, until timestamptz) returns boolean language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  insert into exchange.nonce (node_id, nonce, expires_at) values (the_node, the_nonce, until) on conflict do nothing;
  return found;
end $$;

create table exchange.source_schema (
  node_id text not null references exchange.node (id),
  source_name text not null,
  kind text not null,
  digest text not null,
  relations jsonb not null,
  reported_at timestamptz not null,
  primary key (node_id, source_name)
);

create table exchange.binding (
  entry_id text primary key,
  organisation_id text not null,
  node_id text not null references exchange.node (id),
  source_name text not null,
  kind text not null,
  relation text not null,
  columns jsonb not null,
  update_time_column text,
  options jsonb not null,
  state text not null check (state in ('bound', 'drifted')),
  drift jsonb not null default '[]',
  bound_by text not null,
  bound_at timestamptz not null
);
create index binding_node on exchange.binding (node_id, source_name);

-- Where grants of a department (or of one application, or one grant) are delivered to.
create table exchange.route (
  id text primary key,
  consumer_organisation_id text not null,
  application_id text,
  grant_id text unique,
  node_id text not null references exchange.node (id),
  target_name text not null,
  schema_name text not null,
  table_name text,
  track_changes boolean not null,
  indexes jsonb not null default '[]'
);
create unique index route_default on exchange.route (consumer_organisation_id, coalesce(application_id, '')) where grant_id is null;

create table exchange.command (
  id text primary key,
  node_id text not null references exchange.node (id),
  feed_id text not null,
  kind text not null,
  detail jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  outcome jsonb,
  done_at timestamptz
);
create index command_open on exchange.command (node_id, id) where done_at is null;
create index command_feed on exchange.command (feed_id, id);
