-- The fleet: how a migration runs and how it is taken back, which tenants are held, and rollouts.

alter table tenantry.migration
  -- sql: statements only. code: runs in a process of its own service. outside: statements outside a transaction.
  add column kind text not null default 'sql' check (kind in ('sql', 'code', 'outside')),
  -- The statements that take it back; null when it has none.
  add column down text[];

-- For selectors, such as tier=gold.
alter table tenantry.tenant add column labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object');

-- Taken down on purpose: only a rollout that an operator asks for brings it to head again.
alter table tenantry.tenant_schema add column held boolean not null default false;

create table tenantry.rollout (
  id integer generated always as identity primary key,
  service text not null references tenantry.service (name) on delete cascade,
  direction text not null check (direction in ('up', 'down')),
  -- The head that its tenants have afterwards; null for a schema without any migration.
  target text,
  selector jsonb not null,
  options jsonb not null,
  -- running while somebody leads it; halted and stopped may be resumed; done and failed are over.
  status text not null check (status in ('running', 'done', 'failed', 'halted', 'stopped', 'aborted')),
  total integer not null,
  done integer not null default 0,
  failed integer not null default 0,
  -- What an operator should know of its end.
  reason text,
  started_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz
);

create index rollout_service on tenantry.rollout (service, id desc);

-- What failed at last, per tenant; a tenant that succeeds later has no row any more.
create table tenantry.rollout_failure (
  rollout_id integer not null references tenantry.rollout (id) on delete cascade,
  tenant_id text not null,
  migration text,
  code text not null,
  reason text not null,
  failed_at timestamptz not null default now(),
  primary key (rollout_id, tenant_id)
);

-- Once per statement: a batch of a rollout changes many rows, and every NOTIFY waits for the others at commit.
drop trigger tell on tenantry.tenant_schema;
drop function tenantry.tell_tenant_schema();

create function tenantry.tell_tenant_schema() returns trigger language plpgsql
set search_path = ''
as $$
begin
  -- A payload has less than 8,000 bytes, an id at most 40.
  perform pg_catalog.pg_notify('tenantry', 'schema:' || pg_catalog.string_agg(tenant_id, ','))
     from (select tenant_id, (pg_catalog.row_number() over () - 1) / 150 as part from changed) as numbered
    group by part;
  return null;
end
$$;

create trigger tell_insert after insert on tenantry.tenant_schema
referencing new table as changed for each statement execute function tenantry.tell_tenant_schema();

create trigger tell_update after update on tenantry.tenant_schema
referencing new table as changed for each statement execute function tenantry.tell_tenant_schema();

create trigger tell_delete after delete on tenantry.tenant_schema
referencing old table as changed for each statement execute function tenantry.tell_tenant_schema();
