-- A tenant's life: operations in steps that survive their process, and the events that tell of them.

create table tenantry.operation (
  id integer generated always as identity primary key,
  kind text not null check (kind ~ '^[a-z][a-z0-9-]*$'),
  -- No foreign key: what was done to a tenant outlives it.
  tenant_id text not null,
  params jsonb not null default '{}' check (jsonb_typeof(params) = 'object'),
  -- running and reverting while somebody is at it or was killed at it; failed waits for the same command again; the others are over.
  status text not null default 'running' check (status in ('running', 'reverting', 'failed', 'done', 'reverted')),
  -- The step under way, and those that are complete.
  step text,
  done text[] not null default '{}',
  -- What its steps found out, for the record.
  facts jsonb not null default '{}' check (jsonb_typeof(facts) = 'object'),
  error text,
  started_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz
);

-- A tenant has one unfinished operation at most.
create unique index operation_open on tenantry.operation (tenant_id) where status in ('running', 'reverting', 'failed');
create index operation_tenant on tenantry.operation (tenant_id, id desc);

-- Append-only; old ones are pruned, but what says that a tenant was erased stays.
create table tenantry.event (
  id bigint generated always as identity primary key,
  type text not null check (type ~ '^[a-z]+\.[a-z-]+$'),
  tenant_id text,
  operation_id integer,
  data jsonb not null default '{}',
  at timestamptz not null default now()
);

create index event_tenant on tenantry.event (tenant_id, id desc);

create function tenantry.keep_events() returns trigger language plpgsql
set search_path = ''
as $$
begin
  raise exception 'an event is never changed' using errcode = 'insufficient_privilege';
end
$$;

create trigger keep before update on tenantry.event
for each row execute function tenantry.keep_events();

-- Once per statement: every NOTIFY waits for the others at commit.
create function tenantry.tell_event() returns trigger language plpgsql
set search_path = ''
as $$
begin
  -- A payload has less than 8,000 bytes, an id at most 19.
  perform pg_catalog.pg_notify('tenantry', 'event:' || pg_catalog.string_agg(id::text, ','))
     from (select id, (pg_catalog.row_number() over () - 1) / 300 as part from changed) as numbered
    group by part;
  return null;
end
$$;

create trigger tell after insert on tenantry.event
referencing new table as changed for each statement execute function tenantry.tell_event();
