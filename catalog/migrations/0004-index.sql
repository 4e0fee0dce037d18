-- The PostgreSQL adapter of the catalog index. Everything here but the counters of use can be dropped and rebuilt from
-- entries, organisations and grants. The tables index_document … index_grant are patterns: each generation of the index
-- has its own copies (index_document_g7), loaded beside the serving ones and taken into service in one step.

create table catalog.index_generation (
  number integer primary key check (number > 0),
  state text not null check (state in ('building', 'serving', 'retired')),
  -- With which rules and dictionary its tokens were made.
  tokeniser text not null,
  -- Everything in the event log up to here has been applied.
  position bigint not null,
  started_at timestamptz not null,
  finished_at timestamptz
);
create unique index index_generation_one_serving on catalog.index_generation (state) where state = 'serving';

-- Values of facets, each with the character that stands for it in index_document.facet_codes. Never deleted: a number
-- keeps its meaning in every generation.
create table catalog.index_value (
  facet text not null,
  value text not null,
  number integer not null unique check (number > 0),
  primary key (facet, value)
);

-- Documents that could not be indexed, with the reason; the rest went on.
create table catalog.index_parked (
  generation integer not null,
  entry_id text not null,
  reason text not null,
  attempts integer not null,
  parked_at timestamptz not null,
  primary key (generation, entry_id)
);

-- How often entries were looked at: a record, not a projection.
create table catalog.index_use (
  entry_id text primary key,
  views bigint not null
);

create table catalog.index_document (
  -- Digest of entry_id: narrow in the tables that refer to it.
  document_id bigint not null,
  entry_id text not null,
  code text not null,
  resource_id text not null,
  organisation_id text not null,
  state text not null,
  sharing_type text not null,
  open boolean not null,
  region_code text,
  theme_classes text[] not null,
  theme_codes text[] not null,
  guide_category text,
  update_cycle text not null,
  format_class text not null,
  sensitivity text not null,
  completeness smallint not null,
  authority real not null,
  use real not null,
  updated_at timestamptz not null,
  -- Days since 1970, for recency.
  updated_day integer not null,
  title_key text not null,
  pinyin_key text not null,
  initials_key text not null,
  -- One character per value of each facet (index_value.number + offset): facets of many hits leave the server as one text.
  facet_codes text not null,
  -- Tokens of title (A) and of keywords, organisation and codes (B), each once with its best label: what ranking reads.
  names tsvector not null,
  -- Every token, without positions: what is searched.
  tokens tsvector not null,
  -- What a hit shows.
  detail jsonb not null
);
-- The wide columns leave the row, uncompressed for names: ranking reads names of every hit, and 100,000 rows stay within 90 MB.
alter table catalog.index_document alter column names set storage external, alter column tokens set storage external;

-- Keywords, item names, data elements and names of organisations that documents have.
create table catalog.index_term (
  term_id bigint not null,
  kind text not null check (kind in ('keyword', 'item', 'element', 'organisation')),
  key text not null,
  -- How it is called, as compared.
  name_key text not null,
  pinyin_key text not null,
  initials_key text not null,
  -- In how many documents.
  uses integer not null
);

create table catalog.index_document_term (
  term_id bigint not null,
  document_id bigint not null,
  -- An item that is bound to a data element is counted as the element, not by its name.
  bound boolean not null
);

create table catalog.index_relation (
  document_id bigint not null,
  kind text not null check (kind in ('derived-from', 'related')),
  -- Code or resource identifier of the other entry, as the department gave it.
  to_code text not null,
  since timestamptz not null
);

create table catalog.index_grant (
  grant_id text not null,
  document_id bigint not null,
  provider_organisation_id text not null,
  consumer_organisation_id text not null,
  application_id text,
  legal_basis text not null,
  since timestamptz not null
);
