-- Import jobs and their reports: written in the transaction that writes the entries, so a report that is there is true.

create table catalog.import_job (
  id text primary key,
  file_name text not null,
  -- SHA-256 of the file: which one it was, without keeping it.
  file_digest text not null,
  file_bytes bigint not null,
  mapping text not null,
  dry_run boolean not null,
  strict boolean not null,
  -- Whether entries were written: not by a dry run, nor by a strict run with a rejected row.
  imported boolean not null,
  created integer not null,
  updated integer not null,
  unchanged integer not null,
  skipped integer not null,
  rejected integer not null,
  -- What was recognised, rules that were applied, counts of findings, organisations.
  summary jsonb not null,
  created_at timestamptz not null,
  created_by text not null,
  -- The department of whoever ran it.
  organisation_id text
);
create index import_job_newest on catalog.import_job (created_at, id);

create table catalog.import_row (
  job_id text not null references catalog.import_job (id) on delete cascade,
  -- In the order of the file, from 1.
  position integer not null,
  row_number integer not null,
  sheet text,
  outcome text not null check (outcome in ('created', 'updated', 'unchanged', 'skipped', 'rejected')),
  title text not null,
  -- As written in the file.
  provider text,
  organisation_id text,
  entry_id text,
  entry_code text,
  issues jsonb not null,
  primary key (job_id, position)
);
create index import_row_outcome on catalog.import_row (job_id, outcome, position);
