-- Adoption: taking shared tables with a tenant column apart into tenant schemas.

create table tenantry.adoption (
  id integer generated always as identity primary key,
  service text not null references tenantry.service (name) on delete cascade,
  -- copying: until every tenant is copied. copied: the shared tables lead, changes are carried over. cutover: the tenant
  -- schemas lead, changes are carried back by a rollback. finishing: the capture is being taken away, so there is no way back.
  -- finished and aborted are over.
  status text not null check (status in ('copying', 'copied', 'cutover', 'finishing', 'finished', 'aborted')),
  -- What was asked for, and what was decided from it once: tables, columns, keys, the way to the tenant.
  config jsonb not null,
  layout jsonb not null,
  -- Milliseconds that writers of the shared tables had to wait at the last cutover.
  locked_ms integer,
  started_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create unique index adoption_open on tenantry.adoption (service) where status not in ('finished', 'aborted');

create table tenantry.adoption_tenant (
  adoption_id integer not null references tenantry.adoption (id) on delete cascade,
  -- The value in the shared tables, as text.
  source_id text not null,
  tenant_id text not null references tenantry.tenant (id),
  -- Counted when it was found; for progress.
  rows bigint not null,
  -- Commits with the rows: whoever is killed in between finds it false.
  copied boolean not null default false,
  -- Its tables carry back what is written to them after the cutover.
  carries_back boolean not null default false,
  primary key (adoption_id, source_id),
  unique (adoption_id, tenant_id)
);

-- Rows that changed since the capture began, by key: they are read again when they are carried over, so order does not matter.
create table tenantry.adoption_change (
  id bigint generated always as identity primary key,
  adoption_id integer not null references tenantry.adoption (id) on delete cascade,
  -- Of the shared table in the layout.
  part integer not null,
  -- A tenant in whose table the row is or was; null where it has none.
  source_id text,
  key jsonb not null,
  -- Changed in a tenant schema, after the cutover.
  back boolean not null default false
);

create index adoption_change_tenant on tenantry.adoption_change (adoption_id, source_id, part);
-- A hash: no key is too long for it.
create index adoption_change_key on tenantry.adoption_change using hash (key);
