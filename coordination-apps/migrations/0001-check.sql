-- Check definitions, inputs, runs, hits, cases, outcomes.

-- A definition as it was when something ran under it: a hit names its version, so the content of a version never changes.
create table apps.check_definition (
  name text not null,
  version integer not null,
  digest text not null,
  content jsonb not null,
  registered_at timestamptz not null,
  primary key (name, version)
);

-- Which landing table plays which role; a role without a row here is not attached, and the rules on it do not run.
create table apps.check_input (
  definition text not null,
  role text not null,
  feed_id text not null,
  grant_id text not null,
  organisation_id text not null,
  schema_name text not null,
  table_name text not null,
  attached_by text not null,
  attached_at timestamptz not null,
  -- The table (pg_class.oid) whose match index and statistics were last seen to: a full refresh swaps in another one.
  prepared_oid bigint,
  primary key (definition, role)
);

-- How far the continuous comparison has come in each input, and for which month.
create table apps.check_position (
  definition text not null,
  definition_version integer not null,
  role text not null,
  feed_id text not null,
  generation integer not null,
  sequence bigint not null,
  period char(6) not null,
  primary key (definition, role)
);

create table apps.check_run (
  id text primary key,
  definition text not null,
  definition_version integer not null,
  period char(6) not null,
  kind text not null check (kind in ('batch', 'continuous')),
  started_at timestamptz not null,
  finished_at timestamptz not null,
  actor_id text not null,
  compared bigint not null,
  claims_with_hits bigint not null,
  hits_found bigint not null,
  hits_withdrawn bigint not null,
  cases_opened bigint not null,
  rules jsonb not null,
  inputs jsonb not null
);
create index check_run_period on apps.check_run (definition, period, kind, started_at desc);

create table apps.check_hit (
  -- Digest of (definition, version, claim, rule, evidence row key): finding the same thing twice finds the same row.
  id text primary key,
  definition text not null,
  definition_version integer not null,
  claim_key text not null,
  rule_id text not null,
  evidence_role text not null,
  evidence_key text not null,
  severity text not null check (severity in ('ground', 'clue')),
  evidence jsonb not null,
  -- When the circumstance arose, as the rule defines it.
  evidence_date date,
  name_matches boolean,
  organisation_id text not null,
  feed_id text not null,
  grant_id text not null,
  generation integer not null,
  batch_sequence bigint not null,
  first_period char(6) not null,
  found_at timestamptz not null,
  found_by text not null check (found_by in ('batch', 'continuous')),
  -- Rises when the source row changes or comes back; `earlier` keeps what it said before.
  revision integer not null,
  earlier jsonb not null default '[]',
  withdrawn_at timestamptz,
  withdrawn_reason text check (withdrawn_reason in ('evidence-deleted', 'evidence-changed', 'claim-deleted', 'claim-changed', 'definition-changed')),
  case_id text,
  check ((withdrawn_at is null) = (withdrawn_reason is null))
);
create index check_hit_claim on apps.check_hit (definition, claim_key, rule_id);
create index check_hit_evidence on apps.check_hit (definition, evidence_role, evidence_key);
create index check_hit_case on apps.check_hit (case_id);
create index check_hit_without_case on apps.check_hit (definition) where case_id is null;

create table apps.case_counter (
  definition text not null,
  year integer not null,
  last integer not null,
  primary key (definition, year)
);

create table apps.check_case (
  id text primary key,
  -- Allocated once, never reused.
  number text not null unique,
  definition text not null,
  definition_version integer not null,
  period char(6) not null,
  claim_key text not null,
  subject_number text not null,
  subject_name text,
  -- The claim as it was when the case was opened.
  claim jsonb not null,
  -- The department that pays the benefit and decides the case.
  organisation_id text not null,
  state text not null check (state in ('opened', 'notified', 'objected', 'confirmed', 'dismissed', 'appealed', 'decided', 'closed')),
  opened_at timestamptz not null,
  -- Each deadline: { date?, from, count, unit, pendingYear?, explanation { message, zh } }; the date alone beside it for lists.
  verify_deadline jsonb not null,
  verify_by date,
  objection_deadline jsonb,
  object_by date,
  appeal_deadline jsonb,
  appeal_by date,
  notified_at timestamptz,
  objected_at timestamptz,
  outcome text check (outcome in ('confirmed', 'dismissed')),
  outcome_kind text,
  outcome_rule_id text,
  decided_by text,
  decided_at timestamptz,
  appealed_at timestamptz,
  appeal_outcome text check (appeal_outcome in ('maintained', 'overturned')),
  appeal_decided_by text,
  appeal_decided_at timestamptz,
  closed_at timestamptz,
  amount_at_stake numeric(14, 2) not null,
  remaining_months integer not null,
  version integer not null
);
-- One undecided case per claim: several hits are evidence in it.
create unique index check_case_undecided on apps.check_case (definition, claim_key) where state in ('opened', 'notified', 'objected');
create index check_case_claim on apps.check_case (definition, claim_key, opened_at);
create index check_case_list on apps.check_case (organisation_id, period, number);
create index check_case_state on apps.check_case (definition, period, state);
create index check_case_pending_deadline on apps.check_case (id) where verify_by is null or (object_by is null and objection_deadline is not null) or (appeal_by is null and appeal_deadline is not null);

create table apps.case_step (
  case_id text not null,
  number integer not null,
  action text not null,
  from_state text,
  to_state text not null,
  actor_id text not null,
  actor_name text,
  at timestamptz not null,
  reason text,
  detail jsonb not null default '{}',
  primary key (case_id, number)
);

-- What the benefit department gets back as a feed; captured by the city's node, so: a plain table with a primary key.
create table apps.unemployment_outcome (
  case_number text primary key,
  claim_no text not null,
  citizen_number text not null,
  citizen_name text,
  outcome text not null check (outcome in ('confirmed', 'dismissed', 'under-appeal', 'overturned')),
  outcome_kind text not null,
  legal_basis text,
  circumstance_from date,
  decided_on date not null,
  period char(6) not null,
  monthly_amount numeric(10, 2),
  remaining_months integer not null,
  amount_at_stake numeric(14, 2) not null,
  updated_at timestamptz not null
);
