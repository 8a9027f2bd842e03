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

-- When a deleted tenant is to be erased; null for one that was deleted only.
alter table tenantry.tenant add column erase_after timestamptz;
alter table tenantry.tenant add constraint tenant_erase_after check (erase_after is null or status = 'deleted');
create index tenant_erase_after on tenantry.tenant (erase_after) where erase_after is not null;

-- Ids that tenants had: an old token or link must not lead to another tenant.
create table tenantry.former_tenant (
  id text primary key,
  -- The id it has now; null when it was erased.
  became text,
  since timestamptz not null default now()
);

-- Rows of shared tables that belong to one tenant, as their services declare them.
create table tenantry.tenant_rows (
  owner text not null,
  position integer not null,
  table_schema text not null,
  table_name text not null,
  column_name text not null,
  primary key (owner, position)
);

-- A tenant that moves to another id takes its schemas along in one transaction.
alter table tenantry.tenant_schema drop constraint tenant_schema_tenant_id_fkey;
alter table tenantry.tenant_schema add constraint tenant_schema_tenant_id_fkey
  foreign key (tenant_id) references tenantry.tenant (id) deferrable initially immediate;

create or replace function tenantry.tell_tenant() returns trigger language plpgsql
set search_path = ''
as $$
begin
  -- Who remembers the former id has to forget it.
  perform pg_catalog.pg_notify('tenantry', 'tenant:' || pg_catalog.concat_ws(',', old.id, nullif(new.id, old.id)));
  return null;
end
$$;

-- Whoever changes a tenant, by whatever statement, the event commits with the change. As the owner: who may sign tenants up
-- may not write events of its own making.
create function tenantry.write_created_event() returns trigger language plpgsql security definer
set search_path = ''
as $$
begin
  insert into tenantry.event (type, tenant_id, data)
  select 'tenant.created', id, pg_catalog.jsonb_build_object('name', name) from changed order by id;
  return null;
end
$$;

create trigger write_created after insert on tenantry.tenant
referencing new table as changed for each statement execute function tenantry.write_created_event();

create function tenantry.write_changed_event() returns trigger language plpgsql security definer
set search_path = ''
as $$
begin
  if new.id <> old.id or new.name <> old.name then
    insert into tenantry.event (type, tenant_id, data) values ('tenant.renamed', new.id,
      pg_catalog.jsonb_build_object('name', new.name, 'formerName', old.name, 'formerId', old.id));
  end if;
  if new.status <> old.status then
    insert into tenantry.event (type, tenant_id, data) values (
      case new.status when 'suspended' then 'tenant.suspended' when 'archived' then 'tenant.archived' when 'deleted' then 'tenant.deleted'
                      else case old.status when 'suspended' then 'tenant.resumed' else 'tenant.restored' end end,
      new.id, pg_catalog.jsonb_build_object('formerStatus', old.status)
                || case when new.erase_after is null then '{}' else pg_catalog.jsonb_build_object('eraseAfter', new.erase_after) end);
  end if;
  return null;
end
$$;

create trigger write_changed after update on tenantry.tenant
for each row execute function tenantry.write_changed_event();
