-- A rollout tells of its tenants itself, many at once: a NOTIFY in every batch would make their commits wait for each other.

drop trigger tell_insert on tenantry.tenant_schema;
drop trigger tell_update on tenantry.tenant_schema;
drop trigger tell_delete on tenantry.tenant_schema;

create or replace function tenantry.tell_tenant_schema() returns trigger language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.pg_notify('tenantry', 'schema:' || coalesce(new.tenant_id, old.tenant_id));
  return null;
end
$$;

create trigger tell after insert or update or delete on tenantry.tenant_schema
for each row when (pg_catalog.current_setting('tenantry.told_later', true) is distinct from 'on')
execute function tenantry.tell_tenant_schema();

-- Every rollout updates every row: with room in its page for the next version no index has to be touched.
alter table tenantry.tenant_schema set (fillfactor = 45);

-- Opens a batch of a rollout: locks its tenants, moves their heads and writes the ledger or erases it. A function, so that
-- its statements are planned once per connection. What another process did meanwhile shows here, before any DDL.
create function tenantry.open_batch(
  schemas text[], lock_keys bigint[], from_head text, to_head text, going_up boolean, migrations text[], checksums text[]
) returns void language plpgsql
set search_path = ''
as $$
declare
  found_rows integer;
begin
  -- In the order given, the same for everybody, so that two batches never wait for each other.
  perform pg_catalog.pg_advisory_xact_lock(k) from unnest(lock_keys) k;
  -- A schema is looked up by name, one by one: a join would read all of pg_namespace for every batch.
  update tenantry.tenant_schema set head = to_head, held = not going_up
   where schema_name = any(schemas) and head is not distinct from from_head
     and pg_catalog.to_regnamespace(pg_catalog.quote_ident(schema_name)) is not null;
  get diagnostics found_rows = row_count;
  if found_rows <> pg_catalog.cardinality(schemas) then
    raise exception 'a tenant of the batch was moved' using errcode = 'TNMVD';
  end if;
  if going_up then
    insert into tenantry.ledger (schema_name, migration, checksum)
    select s, m.name, m.checksum from unnest(schemas) s, unnest(migrations, checksums) m (name, checksum);
  else
    delete from tenantry.ledger where schema_name = any(schemas) and migration = any(migrations);
    get diagnostics found_rows = row_count;
    if found_rows <> pg_catalog.cardinality(schemas) * pg_catalog.cardinality(migrations) then
      raise exception 'a ledger of the batch was changed' using errcode = 'TNMVD';
    end if;
  end if;
end
$$;

revoke execute on function tenantry.open_batch from public;
