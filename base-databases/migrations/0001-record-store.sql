-- Record store: sources, golden records, provenance, rivals, contradictions, matching.

create extension if not exists pg_trgm with schema public;

-- ---------------------------------------------------------------- normalisation
-- Each has a text argument, so that a department's column may be of any type: the caller casts. NULL stands for
-- "says nothing": an empty text and the dashes that departments write for it.

create function base.clean_text(value text) returns text language sql immutable parallel safe as $$
  select case when cleaned in ('', '-', '--', '—', '——', '/', 'NULL', 'null') then null else cleaned end
  from (select btrim(regexp_replace(value, '[\s\u3000]+', ' ', 'g')) as cleaned) c
$$;

-- A code or number: half width, no spaces, capitals.
create function base.clean_code(value text) returns text language sql immutable parallel safe as $$
  select base.clean_text(upper(replace(normalize(value, NFKC), ' ', '')))
$$;

-- A person's name: half width; no space inside a name written in Han characters; one dot for all the dots.
create function base.clean_person_name(value text) returns text language sql immutable parallel safe as $$
  select case
    when value ~ '^[\u4e00-\u9fff]+$' then value
    when n ~ '^[\u3400-\u9fff· ]+$' then replace(n, ' ', '')
    else n end
  from (select base.clean_text(translate(normalize(value, NFKC), '•・‧∙●．', '······')) as n) c
$$;

-- An organisation's name: half width but for the brackets, which firms register in full width.
create function base.clean_organisation_name(value text) returns text language sql immutable parallel safe as $$
  select case
    when value ~ '^[\u4e00-\u9fff]+$' then value
    when n ~ '[\u4e00-\u9fff]' then translate(regexp_replace(n, '\s+', '', 'g'), '()', '（）')
    else n end
  from (select base.clean_text(normalize(value, NFKC)) as n) c
$$;

-- For comparison only: without the punctuation and spaces that are written one way here and another way there.
create function base.text_key(value text) returns text language sql immutable parallel safe as $$
  select upper(regexp_replace(normalize(value, NFKC), '[\s\u3000,，.。;；:：、()（）\[\]【】''"“”·\-—_/]+', '', 'g'))
$$;

-- For comparison only: from the district down, because one department starts an address at the province, another not.
create function base.address_key(value text) returns text language sql immutable parallel safe as $$
  select regexp_replace(regexp_replace(base.text_key(value), '^(中国)?[\u4e00-\u9fff]{2,8}?(省|自治区)', ''), '^[\u4e00-\u9fff]{2,7}?市(?=.)', '')
$$;

-- A date in the ways that files write it; NULL when it is none. No time zone is involved.
create function base.read_date(value text) returns date language plpgsql immutable parallel safe as $$
declare
  part text[];
  y integer; m integer; d integer;
begin
  if value is null then return null; end if;
  part := regexp_match(normalize(value, NFKC), '^\s*(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s].*)?$');
  if part is null then part := regexp_match(value, '^\s*(\d{4})(\d{2})(\d{2})\s*$'); end if;
  if part is null then return null; end if;
  y := part[1]::integer; m := part[2]::integer; d := part[3]::integer;
  if y < 1 or m not between 1 and 12 or d < 1 then return null; end if;
  if d > extract(day from (make_date(y, m, 1) + interval '1 month' - interval '1 day')) then return null; end if;
  return make_date(y, m, d);
end $$;

-- A month YYYYMM or YYYY-MM as its first day.
create function base.read_month(value text) returns date language sql immutable parallel safe as $$
  select case when value ~ '^\s*\d{4}-?(0[1-9]|1[0-2])\s*$' and left(btrim(value), 4) <> '0000' then make_date(left(btrim(value), 4)::integer, right(btrim(value), 2)::integer, 1) end
$$;

create function base.read_number(value text) returns numeric language sql immutable parallel safe as $$
  select case when n ~ '^[+-]?\d+(\.\d+)?$' then trim_scale(n::numeric) end
  from (select replace(replace(normalize(value, NFKC), ',', ''), ' ', '') as n) c
$$;

-- Capital in ten thousands (万) of its currency: "9,715.96万(元)", "500万人民币", "1亿元", "3000000元", "100.0万美元".
create function base.capital_amount(value text) returns numeric language sql immutable parallel safe as $$
  select trim_scale(part[1]::numeric * case part[2] when '亿' then 10000 when '万' then 1 when '千' then 0.1 when '百万' then 100 when '千万' then 1000 else case when part[3] = '' and part[2] is null then 1 else 0.0001 end end)
  from (select regexp_match(regexp_replace(normalize(value, NFKC), '[,，\s]', '', 'g'), '^(?:人民币|RMB|CNY|¥|美元|USD|\$)?(\d+(?:\.\d+)?)(亿|百万|千万|千|万)?([^\d]*)$') as part) c
$$;

-- ISO 4217. A number without a word is yuan, as GB/T 12402 registers keep it.
create function base.capital_currency(value text) returns text language sql immutable parallel safe as $$
  select case
    when n !~ '\d' then null
    when n ~ '美元|美金|USD|\$' then 'USD'
    when n ~ '港元|港币|HKD' then 'HKD'
    when n ~ '欧元|EUR|€' then 'EUR'
    when n ~ '日元|日圆|JPY' then 'JPY'
    when n ~ '英镑|GBP|£' then 'GBP'
    when n ~ '新台币|台币|TWD' then 'TWD'
    when n ~ '澳门元|澳门币|MOP' then 'MOP'
    when n ~ '韩元|韩圆|KRW' then 'KRW'
    when n ~ '加元|加拿大元|CAD' then 'CAD'
    when n ~ '澳元|澳大利亚元|AUD' then 'AUD'
    when n ~ '新加坡元|新元|SGD' then 'SGD'
    when n ~ '瑞士法郎|CHF' then 'CHF'
    when regexp_replace(n, '[\d.,，\s万亿千百]|人民币|RMB|CNY|¥|元|整|[()（）]', '', 'g') = '' then 'CNY'
  end
  from (select normalize(value, NFKC) as n) c
$$;

-- How alike two names are, 0 to 1. Trigrams say nothing of names of two to four characters: there, shared characters.
create function base.name_similarity(a text, b text) returns real language sql immutable parallel safe as $$
  select case
    when a = b then 1::real
    when char_length(a) <= 4 and char_length(b) <= 4 then ((char_length(a) - char_length(translate(a, b, '')))::real / greatest(char_length(a), char_length(b), 1))::real
    else public.similarity(a, b) end
$$;

-- In how many places two numbers of equal length differ; NULL when the lengths differ. Two swapped digits differ in two.
create function base.number_distance(a text, b text) returns integer language sql immutable parallel safe as $$
  select case when char_length(a) = char_length(b) then (select count(*)::integer from generate_series(1, char_length(a)) i where substr(a, i, 1) <> substr(b, i, 1)) end
$$;

-- ---------------------------------------------------------------- definitions and sources

create table base.definition (
  base text primary key,
  digest text not null,
  synchronised_at timestamptz not null
);

-- The attributes of each base as the definition in force has them: what the positions in provenance mean.
create table base.attribute (
  base text not null,
  position smallint not null,
  name text not null,
  title_zh text not null,
  title_en text not null,
  basic boolean not null,
  standard text,
  primary key (base, position),
  unique (base, name)
);

create table base.source (
  id smallint primary key,
  base text not null,
  role text not null,
  unit text not null,
  title_zh text not null,
  title_en text not null,
  feed_id text not null,
  schema_name text not null,
  table_name text not null,
  organisation_id text not null,
  grant_id text not null,
  entry_id text not null,
  masked_fields text[] not null,
  state text not null check (state in ('attached', 'detached')),
  attached_at timestamptz not null,
  -- Null: never read; -1: something was read of an earlier table.
  generation integer,
  last_sequence bigint not null,
  -- A full reading under way: of which generation, from which applied sequence on changes follow, up to which key it got.
  scan_generation integer,
  scan_sequence bigint,
  scan_cursor text[],
  rows_read bigint not null,
  processed_at timestamptz,
  -- Why it is not being read, {zh, en}.
  problem jsonb,
  unique (base, role)
);

-- Every key as a source wrote it, checked once: the key it means, or why it means none.
create table base.key_check (
  key_kind text not null,
  raw text not null,
  key text,
  reason text,
  primary key (key_kind, raw),
  check ((key is null) <> (reason is null))
);

-- Which row of a source belongs to whom, where that is not the row's own primary key.
create table base.link (
  source_id smallint not null,
  row_key text not null,
  entity_key text not null,
  -- False: found by probabilistic matching or by a person, and says nothing about identity.
  by_key boolean not null,
  primary key (source_id, row_key)
);
create index link_entity on base.link (source_id, entity_key);
create index link_matched on base.link (entity_key) where not by_key;

-- Keys whose golden record has to be computed again: the durable queue between reading and merging.
create table base.touched (
  base text not null,
  key text not null,
  primary key (base, key)
) with (autovacuum_vacuum_scale_factor = 0.05);

-- Keys whose matching values changed: unmatched rows are compared with them again.
create table base.rematch (
  base text not null,
  key text not null,
  primary key (base, key)
);

-- ---------------------------------------------------------------- golden records

create sequence base.change_sequence;

create table base.population_golden (
  citizen_number text primary key,
  name text,
  sex_code text,
  ethnic_code text,
  birth_date date,
  birth_region_code text,
  status_code text,
  address text,
  former_name text,
  householder_name text,
  relation_to_householder text,
  marital_code text,
  marriage_registered_on date,
  phone text,
  died_on date,
  death_cancelled_on date,
  cremated_on date,
  funeral_home text,
  emigrated_on date,
  emigration_destination text,
  low_income_since date,
  low_income_monthly_amount numeric,
  employer_code text,
  employer_name text,
  employed_on date,
  employment_ended_on date,
  unemployed_on date,
  unemployment_benefit_from date,
  unemployment_benefit_until date,
  unemployment_monthly_amount numeric,
  training_course text,
  training_finished_on date,
  contribution_last_month text,
  contribution_base_amount numeric,
  pension_started_on date,
  pension_stopped_on date,
  pension_monthly_amount numeric,
  blood_type text,
  school text,
  school_enrolled_on date,
  housing_fund_monthly_amount numeric,
  housing_fund_last_month text,
  disability_kind text,
  disability_level text,
  children integer,
  record_number bigint generated always as identity unique,
  updated_at timestamptz not null,
  change_sequence bigint not null
);
create index population_golden_birth on base.population_golden (birth_date);
create index population_golden_name on base.population_golden (name);
create index population_golden_change on base.population_golden (change_sequence);

create table base.legal_entity_golden (
  social_credit_code text primary key,
  name text,
  entity_type text,
  legal_representative text,
  business_scope text,
  address text,
  registered_capital numeric,
  established_on date,
  registrar text,
  registration_status text,
  capital_currency text,
  legal_representative_number text,
  organisation_code text,
  economic_type text,
  industry_code text,
  employees integer,
  national_tax_status text,
  national_tax_registered_on date,
  local_tax_status text,
  local_tax_registered_on date,
  record_number bigint generated always as identity unique,
  updated_at timestamptz not null,
  change_sequence bigint not null
);
create index legal_entity_golden_name on base.legal_entity_golden (name);
create index legal_entity_golden_established on base.legal_entity_golden (established_on);
create index legal_entity_golden_change on base.legal_entity_golden (change_sequence);

-- What stands no more, for readers who follow change_sequence; gone again when the record returns.
create table base.golden_removed (
  base text not null,
  key text not null,
  change_sequence bigint not null,
  removed_at timestamptz not null,
  primary key (base, key)
);
create index golden_removed_change on base.golden_removed (base, change_sequence);

-- Gates: empty tables whose locks keep reading and merging of a base apart (ingest.ts).
create table base.population_golden_gate (closed boolean);
create table base.legal_entity_golden_gate (closed boolean);

-- Where each golden value comes from. The three source arrays run in parallel: which sources speak of this key, with
-- which of their rows, and of which time ('-infinity': the source gives none). winners: per attribute position the
-- source of the golden value; 0 = read from the key itself; null = nobody says anything.
create table base.provenance (
  base text not null,
  key text not null,
  source_ids smallint[] not null,
  source_rows text[] not null,
  source_times timestamp[] not null,
  winners smallint[] not null,
  -- attribute → [{source, value, time, row}]: what others say, where it differs after normalisation.
  rivals jsonb,
  -- [{field, source, value, rule, expected, row}]: values that cannot be right or cannot be read.
  faults jsonb,
  primary key (base, key)
);

create view base.field_provenance as
  select p.base, p.key, a.name as field, a.title_zh, p.winners[a.position] as source_id, s.role as source_role, s.organisation_id,
         nullif(p.source_times[array_position(p.source_ids, p.winners[a.position])], '-infinity') as source_time,
         p.source_rows[array_position(p.source_ids, p.winners[a.position])] as source_row,
         p.rivals -> a.name as rivals
  from base.provenance p
  join base.attribute a on a.base = p.base
  left join base.source s on s.id = p.winners[a.position]
  where p.winners[a.position] is not null;

-- ---------------------------------------------------------------- contradictions

create table base.contradiction (
  id bigint generated always as identity primary key,
  base text not null,
  key text not null,
  field text not null,
  source_id smallint not null,
  row_key text not null,
  value text not null,
  rule text not null check (rule in ('sources-differ', 'differs-from-key', 'unreadable', 'key-mismatch')),
  reference_value text,
  -- 0: the key itself.
  reference_source_id smallint,
  state text not null check (state in ('open', 'closed')),
  raised_at timestamptz not null,
  times_raised integer not null,
  closed_at timestamptz,
  closed_reason text check (closed_reason in ('no-longer-contradicts', 'row-withdrawn')),
  -- What the correction desk still has to be told.
  desk_state text not null check (desk_state in ('to-raise', 'raised', 'to-close', 'settled', 'refused')),
  correction_id text,
  -- Why the desk could not take it.
  desk_problem text,
  unique (base, key, field, source_id, value)
);
create index contradiction_state on base.contradiction (base, state, id);
create index contradiction_source on base.contradiction (source_id, state);
create index contradiction_desk on base.contradiction (desk_state, id) where desk_state in ('to-raise', 'to-close');

create table base.contradiction_transition (
  id bigint generated always as identity primary key,
  contradiction_id bigint not null references base.contradiction (id),
  action text not null,
  from_state text not null,
  to_state text not null,
  at timestamptz not null,
  actor_id text not null,
  reason text
);
create index contradiction_transition_contradiction on base.contradiction_transition (contradiction_id, id);

-- ---------------------------------------------------------------- rows without a usable key

create table base.unmatched_row (
  source_id smallint not null,
  row_key text not null,
  base text not null,
  raw_key text,
  reason text not null,
  match_name text,
  match_date date,
  match_address text,
  match_other text,
  state text not null check (state in ('unmatched', 'review', 'matched')),
  -- False: not compared with the golden records since it came or changed.
  compared boolean not null,
  first_seen_at timestamptz not null,
  id bigint generated always as identity unique,
  primary key (source_id, row_key)
);
create index unmatched_row_waiting on base.unmatched_row (base) where not compared;

-- Golden records that an unmatched row may belong to, with the weight of evidence and how it came about.
create table base.match_candidate (
  source_id smallint not null,
  row_key text not null,
  base text not null,
  key text not null,
  score real not null,
  explanation jsonb not null,
  primary key (source_id, row_key, key)
);
create index match_candidate_key on base.match_candidate (base, key);

-- What a person decided; stays when the row leaves and returns.
create table base.match_decision (
  source_id smallint not null,
  row_key text not null,
  key text not null,
  decision text not null check (decision in ('accepted', 'rejected')),
  reason text not null,
  actor_id text not null,
  decided_at timestamptz not null,
  primary key (source_id, row_key, key)
);
create unique index match_decision_one_accepted on base.match_decision (source_id, row_key) where decision = 'accepted';
