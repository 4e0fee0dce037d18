-- Organisations, departments' numbers, users, sessions, applications and their tokens.

-- Every number that is allocated and never used again: department numbers, entry codes, resource identifiers,
-- data element identifiers. `last` only rises; the row's lock makes concurrent allocators wait for each other.
create table catalog.number_series (
  name text primary key,
  last bigint not null check (last > 0)
);
create function catalog.refuse_reuse() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' or new.last <= old.last or new.name <> old.name then
    raise exception 'numbers of % are never given out again', tg_table_name using errcode = '42501';
  end if;
  return new;
end $$;
create trigger number_series_rises before update or delete on catalog.number_series
  for each row execute function catalog.refuse_reuse();

create table catalog.organisation (
  id text primary key,
  name text not null unique,
  short_name text,
  kind text not null check (kind in ('department', 'city-data-office', 'review-office', 'district', 'association')),
  region_code text not null,
  social_credit_code text unique,
  department_number integer not null unique check (department_number between 1 and 999),
  prefix text not null unique,
  parent_name text,
  address text,
  contact text,
  active boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
-- One city, one data office: the scope of its administrators is everything.
create unique index organisation_one_city_data_office on catalog.organisation (kind) where kind = 'city-data-office';

create table catalog.app_user (
  id text primary key,
  username text not null,
  display_name text not null,
  organisation_id text not null references catalog.organisation (id),
  roles text[] not null,
  active boolean not null,
  password_hash text not null,
  password_changed_at timestamptz not null,
  -- Digest of the dictionary that this password was last compared with; null after every change of password.
  password_scanned_with text,
  locked_at timestamptz,
  lock_reason text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index app_user_username on catalog.app_user (lower(username));
create index app_user_organisation on catalog.app_user (organisation_id, id);

-- Failed log-ins by account and by address, counted in a window.
create table catalog.login_failure (
  subject text primary key,
  failures integer not null,
  window_started_at timestamptz not null,
  blocked_until timestamptz
);

create table catalog.session (
  id text primary key,
  token_hash text not null unique,
  user_id text not null references catalog.app_user (id),
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  source_address text
);
create index session_of_user on catalog.session (user_id, created_at);

create table catalog.application (
  id text primary key,
  name text not null,
  organisation_id text not null references catalog.organisation (id),
  active boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (organisation_id, name)
);

create table catalog.api_token (
  id text primary key,
  application_id text not null references catalog.application (id),
  token_hash text not null unique,
  label text not null,
  created_at timestamptz not null,
  created_by text not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_token_application on catalog.api_token (application_id, created_at);

-- One run of the weak-password scan: it can stop anywhere and go on from here.
create table catalog.password_scan (
  id text primary key,
  dictionary text not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  started_by text not null,
  accounts integer not null,
  examined integer not null,
  guesses bigint not null,
  -- The account being examined and how many candidates it has been compared with.
  user_id text,
  candidate integer not null
);
create unique index password_scan_one_open on catalog.password_scan ((true)) where finished_at is null;

create table catalog.password_scan_finding (
  scan_id text not null references catalog.password_scan (id),
  user_id text not null references catalog.app_user (id),
  found_at timestamptz not null,
  locked boolean not null,
  primary key (scan_id, user_id)
);
