-- Requests, reviews, deadlines, grants, corrections.

-- Which body speaks for which of the four offices; one body, one office, so that the four opinions are separate.
create table catalog.review_office (
  office text primary key check (office in ('informatisation', 'supervision', 'legal-affairs', 'secrecy')),
  organisation_id text not null unique references catalog.organisation (id),
  assigned_at timestamptz not null,
  assigned_by text not null
);

-- Yearly holiday notices imported after this software was made; they come before the built-in ones.
create table catalog.holiday_notice (
  year integer primary key,
  content jsonb not null,
  imported_at timestamptz not null,
  imported_by text not null
);

create table catalog.request (
  id text primary key,
  -- GX + year + running number; never used again.
  number text not null unique,
  entry_id text not null references catalog.entry (id),
  -- The version that was asked for, and how the entry was called then.
  entry_version text not null,
  entry_title text not null,
  consumer_organisation_id text not null references catalog.organisation (id),
  provider_organisation_id text not null references catalog.organisation (id),
  application_id text,
  state text not null check (state in ('draft', 'submitted', 'internal-approved', 'under-review', 'returned-for-material', 'agreed', 'refused', 'provided', 'ended', 'disposed', 'withdrawn')),
  waiting_for text[] not null,
  -- A deadline of it has passed: the city data office acts too.
  overdue boolean not null,
  sharing_type text not null,
  -- Whether the four offices must give their opinions too.
  review_body boolean not null,
  -- Rises with every resubmission and reopening; opinions belong to a round.
  round integer not null,
  content jsonb not null,
  decision jsonb,
  extension jsonb,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- Everybody who wrote, submitted or resubmitted it: none of them decides on it.
  requesters text[] not null,
  internally_approved_by text,
  -- When it left the asking department: before that the provider does not see it.
  sent_at timestamptz,
  decided_at timestamptz
);
create index request_updated on catalog.request (updated_at, id);
create index request_consumer on catalog.request (consumer_organisation_id, updated_at, id);
create index request_provider on catalog.request (provider_organisation_id, updated_at, id) where sent_at is not null;
create index request_entry on catalog.request (entry_id);
create index request_waiting on catalog.request using gin (waiting_for);

-- The timeline: every step of every request, written by transition() alone.
create table catalog.request_step (
  id bigint generated always as identity primary key,
  request_id text not null references catalog.request (id),
  action text not null,
  from_state text not null,
  to_state text not null,
  at timestamptz not null,
  actor_id text not null,
  actor_organisation_id text,
  reason text,
  detail jsonb not null
);
create index request_step_request on catalog.request_step (request_id, id);

create table catalog.request_opinion (
  request_id text not null references catalog.request (id),
  round integer not null,
  part text not null check (part in ('provider', 'informatisation', 'supervision', 'legal-affairs', 'secrecy')),
  opinion text not null check (opinion in ('agree', 'refuse')),
  reason text,
  legal_basis text,
  -- The provider may agree to less than was asked.
  narrowing jsonb,
  actor_id text not null,
  organisation_id text not null,
  at timestamptz not null,
  primary key (request_id, round, part),
  check (opinion = 'agree' or (legal_basis is not null and reason is not null))
);

-- What was found missing, all at once, with the content as it stood.
create table catalog.request_return (
  request_id text not null references catalog.request (id),
  round integer not null,
  part text not null,
  items jsonb not null,
  content jsonb not null,
  actor_id text not null,
  at timestamptz not null,
  primary key (request_id, round)
);

create table catalog.deadline (
  id text primary key,
  subject_type text not null check (subject_type in ('request', 'correction')),
  subject_id text not null,
  kind text not null check (kind in ('reply', 'provision', 'correction')),
  -- Which clock of which regulation it runs by.
  clock text not null,
  profile text not null,
  starts_on date not null,
  working_days integer not null check (working_days > 0),
  extended_days integer not null check (extended_days >= 0),
  -- Null while the calendar of a year on the way is not known.
  due_on date,
  warn_on date,
  -- What is certain while due_on is null: it cannot be earlier than this.
  not_before date,
  missing_year integer,
  explanation jsonb not null,
  -- Digest of the calendar it was computed with.
  calendar_digest text not null,
  state text not null check (state in ('open', 'met', 'missed', 'cancelled')),
  closed_on date,
  -- Each level of escalation is announced once.
  calendar_asked_at timestamptz,
  warned_at timestamptz,
  overdue_at timestamptz,
  check ((due_on is null) = (missing_year is not null))
);
create unique index deadline_one_open on catalog.deadline (subject_type, subject_id, kind) where state = 'open';
create index deadline_subject on catalog.deadline (subject_type, subject_id);
create index deadline_open on catalog.deadline (due_on) where state = 'open';

-- "grant" is a word of SQL, hence the longer name.
create table catalog.sharing_grant (
  id text primary key,
  version integer not null check (version > 0),
  request_id text not null unique references catalog.request (id),
  entry_id text not null references catalog.entry (id),
  entry_version text not null,
  provider_organisation_id text not null references catalog.organisation (id),
  consumer_organisation_id text not null references catalog.organisation (id),
  application_id text,
  legal_basis text not null,
  purpose text not null,
  action text not null check (action in ('subscribe', 'query', 'read')),
  delivery_mode text not null check (delivery_mode in ('feed', 'batch', 'query', 'file')),
  fields text[] not null check (cardinality(fields) > 0),
  key_fields text[] not null check (cardinality(key_fields) > 0 and key_fields <@ fields),
  row_condition jsonb,
  masks jsonb,
  valid_from date not null,
  valid_until date not null,
  state text not null check (state in ('active', 'suspended', 'revoking', 'revoked', 'expired')),
  issued_at timestamptz not null,
  revoked_at timestamptz,
  revocation_reason text,
  check (valid_from <= valid_until)
);
create index sharing_grant_entry on catalog.sharing_grant (entry_id);
create index sharing_grant_consumer on catalog.sharing_grant (consumer_organisation_id, id);
create index sharing_grant_provider on catalog.sharing_grant (provider_organisation_id, id);
create index sharing_grant_validity on catalog.sharing_grant (valid_until) where state in ('active', 'suspended');

-- Every version as it stood, with who changed it and why.
create table catalog.grant_version (
  grant_id text not null references catalog.sharing_grant (id),
  version integer not null,
  change text not null,
  content jsonb not null,
  reason text,
  actor_id text not null,
  actor_organisation_id text,
  at timestamptz not null,
  primary key (grant_id, version)
);

create table catalog.grant_stop (
  grant_id text not null references catalog.sharing_grant (id),
  party text not null check (party in ('gateway', 'provider', 'subscriber')),
  at timestamptz not null,
  actor_id text not null,
  primary key (grant_id, party)
);

-- What went over the wire under a grant, by day.
create table catalog.grant_meter (
  grant_id text not null references catalog.sharing_grant (id),
  day date not null,
  rows bigint not null,
  bytes bigint not null,
  calls bigint not null,
  primary key (grant_id, day)
);

-- The user's own log (regulation 809, art. 27 and 29).
create table catalog.usage_record (
  id text primary key,
  grant_id text not null references catalog.sharing_grant (id),
  kind text not null check (kind in ('use', 'storage', 'disposal')),
  scene text not null,
  process text not null,
  effect text,
  from_day date not null,
  until_day date not null,
  organisation_id text not null,
  actor_id text not null,
  recorded_at timestamptz not null,
  keep_until date not null
);
create index usage_record_grant on catalog.usage_record (grant_id, recorded_at, id);
create trigger usage_record_append_only before update or delete or truncate on catalog.usage_record
  for each statement execute function platform.refuse_change();

create table catalog.correction (
  id text primary key,
  entry_id text not null references catalog.entry (id),
  entry_version text not null,
  grant_id text,
  field text not null,
  -- The row's key: as the consumer names it, and its digest, by which a source's correction is recognised.
  row_key text not null,
  row_key_digest text not null,
  -- May be personal: stays in this table, never in logs, events or audit.
  given_value text,
  expected_value text,
  evidence text not null,
  raised_by_organisation_id text,
  provider_organisation_id text not null references catalog.organisation (id),
  state text not null check (state in ('raised', 'verified-corrected', 'verified-correct', 'rejected', 'closed-as-corrected', 'withdrawn')),
  raised_by text not null,
  raised_at timestamptz not null,
  updated_at timestamptz not null,
  answer text,
  answered_by text,
  answered_at timestamptz
);
create unique index correction_one_open on catalog.correction (entry_id, field, row_key_digest, coalesce(raised_by_organisation_id, '')) where state = 'raised';
create index correction_updated on catalog.correction (updated_at, id);
create index correction_provider on catalog.correction (provider_organisation_id, state);
create index correction_row on catalog.correction (entry_id, row_key_digest);

create table catalog.dispute (
  id text primary key,
  subject_type text not null check (subject_type in ('request', 'grant', 'correction')),
  subject_id text not null,
  raised_by_organisation_id text not null references catalog.organisation (id),
  against_organisation_id text not null references catalog.organisation (id),
  reason text not null,
  state text not null check (state in ('consulting', 'referred', 'decided', 'settled', 'withdrawn')),
  outcome text check (outcome in ('upheld', 'dismissed')),
  decision text,
  raised_by text not null,
  raised_at timestamptz not null,
  updated_at timestamptz not null,
  check ((state = 'decided') = (outcome is not null))
);
create unique index dispute_one_open on catalog.dispute (subject_type, subject_id) where state in ('consulting', 'referred');
create index dispute_updated on catalog.dispute (updated_at, id);

create table catalog.dispute_step (
  id bigint generated always as identity primary key,
  dispute_id text not null references catalog.dispute (id),
  action text not null,
  from_state text not null,
  to_state text not null,
  statement text,
  actor_id text not null,
  organisation_id text,
  at timestamptz not null
);
create index dispute_step_dispute on catalog.dispute_step (dispute_id, id);
