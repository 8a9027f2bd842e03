-- Snapshots: what a service's migrations make, as the statements that make it at once.

create table tenantry.snapshot (
  service text primary key references tenantry.service (name) on delete cascade,
  head text not null,
  -- Over the migrations and whatever else decides what they make; a snapshot with another one is not used.
  checksum text not null,
  -- Null where none could be made, with the reason.
  statements text[],
  reason text,
  built_at timestamptz not null default now(),
  check ((statements is null) = (reason is not null))
);
