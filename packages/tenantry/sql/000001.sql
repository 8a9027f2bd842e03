-- The catalog: what should be (tenants, services, their migrations) and what is (tenant schemas, the ledger).

create table tenantry.tenant (
  id text primary key check (id ~ '^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$' and length(id) <= 40),
  name text not null check (length(name) between 1 and 200),
  status text not null default 'active' check (status in ('active', 'suspended', 'archived', 'deleted')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table tenantry.service (
  name text primary key check (name ~ '^[a-z][a-z0-9]*$' and length(name) <= 22),
  -- The newest migration; a tenant schema with another one is behind.
  head text,
  -- The login that serves it: whoever provisions a tenant of this service grants it the tenant's role.
  service_role text not null,
  -- On the search path of its migrations, after the tenant's own.
  shared_schemas text[] not null default '{}',
  registered_at timestamptz not null default now()
);

-- A service's migrations as SQL, so that any process with the owner role can bring any service's tenants to head.
create table tenantry.migration (
  service text not null references tenantry.service (name) on delete cascade,
  position integer not null check (position > 0),
  name text not null,
  checksum text not null,
  statements text[] not null,
  primary key (service, name),
  unique (service, position)
);

create table tenantry.tenant_schema (
  schema_name text primary key,
  tenant_id text not null references tenantry.tenant (id),
  service text not null references tenantry.service (name),
  role_name text not null,
  -- The login it was granted to last; a service with another one is given the tenant again.
  service_role text not null,
  head text,
  provisioned_at timestamptz not null default now(),
  unique (tenant_id, service),
  -- Nobody, not even the owner, points one tenant at another's schema or at the catalog.
  check (schema_name = tenant_id || '_' || service)
);

create table tenantry.ledger (
  schema_name text not null,
  migration text not null,
  checksum text not null,
  applied_at timestamptz not null default now(),
  primary key (schema_name, migration)
);

-- Only the owner may read it: the login that Tenantry made for serving where only one URL was given.
create table tenantry.service_login (
  role_name text primary key,
  password text not null
);

-- Also an operator's own UPDATE must reach every process's cache, so a trigger tells, not the code that writes.
create function tenantry.tell_tenant() returns trigger language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.pg_notify('tenantry', 'tenant:' || coalesce(new.id, old.id));
  return null;
end
$$;

create trigger tell after insert or update or delete on tenantry.tenant
for each row execute function tenantry.tell_tenant();

create function tenantry.tell_tenant_schema() returns trigger language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.pg_notify('tenantry', 'schema:' || coalesce(new.tenant_id, old.tenant_id));
  return null;
end
$$;

create trigger tell after insert or update or delete on tenantry.tenant_schema
for each row execute function tenantry.tell_tenant_schema();

create function tenantry.tell_service() returns trigger language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.pg_notify('tenantry', 'service:' || new.name);
  return null;
end
$$;

create trigger tell after insert or update on tenantry.service
for each row execute function tenantry.tell_service();
