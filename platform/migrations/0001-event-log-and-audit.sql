create table platform.event_log (
  position bigint generated always as identity primary key,
  id text not null unique,
  subject_type text not null,
  subject_id text not null,
  kind text not null,
  organisation_id text,
  payload jsonb not null,
  actor_id text not null,
  at timestamptz not null
);
create index event_log_subject on platform.event_log (subject_type, subject_id, position);
create index event_log_kind on platform.event_log (kind, position);

create table platform.event_consumer (
  name text primary key,
  position bigint not null
);

create table platform.audit_log (
  sequence bigint primary key,
  at timestamptz not null,
  actor_id text not null,
  actor_kind text not null,
  organisation_id text,
  action text not null,
  object_type text not null,
  object_id text,
  operation text,
  source_address text,
  correlation_id text,
  outcome text not null,
  detail jsonb not null,
  previous_hash text not null,
  hash text not null
);
create index audit_log_object on platform.audit_log (object_type, object_id, sequence);
create index audit_log_actor on platform.audit_log (actor_id, sequence);
create index audit_log_at on platform.audit_log (at);

create function platform.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = '42501';
end $$;
create trigger audit_log_append_only before update or delete or truncate on platform.audit_log
  for each statement execute function platform.refuse_change();
create trigger event_log_append_only before update or delete or truncate on platform.event_log
  for each statement execute function platform.refuse_change();

-- A lease: one holder at a time for a piece of background work, across processes.
create table platform.lease (
  name text primary key,
  holder text not null,
  expires_at timestamptz not null
);
