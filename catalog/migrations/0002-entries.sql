-- Entries, versions, items, change requests, data elements.

create table catalog.entry (
  id text primary key,
  code text not null unique,
  resource_id text not null unique,
  organisation_id text not null references catalog.organisation (id),
  state text not null check (state in ('draft', 'department-review', 'city-review', 'published', 'suspended', 'withdrawn')),
  waiting_for text check (waiting_for in ('cataloguer', 'approver', 'city-reviewer')),
  version text not null,
  -- Copies of members of the content that lists filter and scopes look at; the repository is their only writer.
  title text not null,
  sharing_type text not null,
  open boolean not null,
  source_reference text,
  content jsonb not null,
  completeness integer not null check (completeness between 0 and 100),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  -- Who last changed the content: may not approve it.
  edited_by text not null,
  submitted_by text,
  submitted_at timestamptz,
  -- Who approved for the department: the city's review takes another pair of eyes.
  approved_by text,
  published_at timestamptz,
  suspended_by_organisation_id text
);
create index entry_updated on catalog.entry (updated_at, id);
create index entry_organisation on catalog.entry (organisation_id, updated_at, id);
create index entry_waiting on catalog.entry (waiting_for, updated_at, id) where waiting_for is not null;
create unique index entry_source_reference on catalog.entry (organisation_id, source_reference) where source_reference is not null and state <> 'withdrawn';
-- A provider's title is unique from submission on; drafts may still collide and are told so.
create unique index entry_title on catalog.entry (organisation_id, title) where state not in ('draft', 'withdrawn');
create index entry_title_any on catalog.entry (organisation_id, title);

-- The items of the content in force, as rows: who collects what, and which elements they are bound to.
create table catalog.entry_item (
  entry_id text not null references catalog.entry (id),
  position integer not null,
  field text not null,
  name text not null,
  normalised_name text not null,
  type text not null,
  data_element text,
  primary key (entry_id, position)
);
create index entry_item_name on catalog.entry_item (normalised_name);
create index entry_item_element on catalog.entry_item (data_element) where data_element is not null;

create table catalog.entry_version (
  entry_id text not null references catalog.entry (id),
  major integer not null,
  minor integer not null,
  content jsonb not null,
  -- first, minor or major, and why.
  change_kind text not null check (change_kind in ('first', 'minor', 'major')),
  change_reasons jsonb not null,
  change_request_id text,
  published_at timestamptz not null,
  published_by text not null,
  primary key (entry_id, major, minor)
);

create table catalog.entry_history (
  id bigint generated always as identity primary key,
  entry_id text not null references catalog.entry (id),
  change_request_id text,
  action text not null,
  from_state text,
  to_state text not null,
  at timestamptz not null,
  actor_id text not null,
  reason text,
  -- On a return: everything that must be put right, all at once.
  issues jsonb,
  version text not null
);
create index entry_history_entry on catalog.entry_history (entry_id, id);

create table catalog.entry_change_request (
  id text primary key,
  entry_id text not null references catalog.entry (id),
  organisation_id text not null references catalog.organisation (id),
  base_version text not null,
  state text not null check (state in ('draft', 'department-review', 'city-review', 'applied', 'dismissed')),
  waiting_for text check (waiting_for in ('cataloguer', 'approver', 'city-reviewer')),
  content jsonb not null,
  reason text not null,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  edited_by text not null,
  submitted_by text,
  submitted_at timestamptz,
  approved_by text,
  decided_at timestamptz,
  result_version text
);
create unique index entry_change_request_one_open on catalog.entry_change_request (entry_id) where state in ('draft', 'department-review', 'city-review');
create index entry_change_request_entry on catalog.entry_change_request (entry_id, created_at, id);
create index entry_change_request_updated on catalog.entry_change_request (updated_at, id);

create table catalog.data_element (
  identifier text primary key,
  name text not null,
  status text not null check (status in ('draft', 'standard', 'retired')),
  content jsonb not null,
  -- Name, synonyms and composed name in the form in which names are compared.
  normalised_names text[] not null,
  authority_organisation_id text references catalog.organisation (id),
  replaced_by text references catalog.data_element (identifier),
  proposed_by text not null,
  proposed_at timestamptz not null,
  updated_at timestamptz not null,
  decided_by text
);
create unique index data_element_name on catalog.data_element (name) where status <> 'retired';
create index data_element_names on catalog.data_element using gin (normalised_names);
