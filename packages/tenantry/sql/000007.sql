-- breaking
-- Whoever locks by the keys that anybody could compute works beside the others, as if there were no lock. So older processes
-- must not serve with this.
--
-- Locks that no tenant can take: advisory locks are one namespace for the database, every role may take them until its
-- transaction ends, and so a key that a tenant knows is a way to stop a rollout.

-- Only the owner may read it. A key is as secret as this.
create table tenantry.lock_secret (
  id boolean primary key default true check (id),
  secret bytea not null
);

-- Random as its uuids are: 122 bits in each.
insert into tenantry.lock_secret (secret)
values (pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, 'UTF8')));

-- The key of a lock. Advisory locks are per database, so its name is enough. Without a secret there is no lock to take: an error,
-- because a lock of null would be none, and nobody would notice.
create function tenantry.lock_key(lock_name text) returns bigint language plpgsql stable
set search_path = ''
as $$
declare
  key bigint;
begin
  select ('x' || pg_catalog.encode(pg_catalog.substr(
           pg_catalog.sha256(secret || pg_catalog.convert_to(lock_name, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
    into key from tenantry.lock_secret;
  if key is null then
    raise exception 'tenantry.lock_secret is empty, so no lock can be taken: restore its row, or insert 32 random bytes while no other process of Tenantry runs';
  end if;
  return key;
end
$$;

-- Who holds a lock, in words; null when nobody does.
create function tenantry.lock_holder(lock_name text) returns text language sql volatile
set search_path = ''
as $$
  select pg_catalog.string_agg(pg_catalog.format('pid %s (role %s%s)', l.pid, coalesce(a.usename::text, 'unknown'),
           case when a.application_name <> '' then ', ' || a.application_name else '' end), ', ' order by l.pid)
    from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid,
         (select tenantry.lock_key(lock_name) as key) k
   where l.locktype = 'advisory' and l.granted and l.objsubid = 1
     and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
     and l.classid::bigint = (k.key >> 32) & 4294967295 and l.objid::bigint = k.key & 4294967295
$$;

-- Takes a lock until the transaction ends. Waits so many milliseconds, whatever the limit for other locks is, and then says
-- who holds it. Its schema tells this error from that of another lock.
create function tenantry.take_lock(lock_name text, wait_ms integer) returns void language plpgsql
set search_path = '' set lock_timeout = 0
as $$
begin
  perform pg_catalog.set_config('lock_timeout', greatest(1, wait_ms)::text, true);
  perform pg_catalog.pg_advisory_xact_lock(tenantry.lock_key(lock_name));
exception when lock_not_available then
  raise exception '%', pg_catalog.format('"%s" was held for %s ms by %s', lock_name, wait_ms,
      coalesce(tenantry.lock_holder(lock_name), 'somebody who has just let it go'))
    using errcode = 'lock_not_available', schema = 'tenantry';
end
$$;

-- The catalog scope's: it may change the status of a tenant that nobody works on, and needs no key for that.
create function tenantry.try_lock_operation(tenant text) returns boolean language sql volatile security definer
set search_path = ''
as $$
  select pg_catalog.pg_try_advisory_xact_lock(tenantry.lock_key('operation:' || tenant))
$$;

-- Whether somebody works on a tenant; for the catalog scope too, which sees no keys.
create function tenantry.operation_is_held(tenant text) returns boolean language sql volatile security definer
set search_path = ''
as $$
  select tenantry.lock_holder('operation:' || tenant) is not null
$$;

revoke execute on function tenantry.lock_key(text), tenantry.lock_holder(text),
  tenantry.take_lock(text, integer), tenantry.try_lock_operation(text),
  tenantry.operation_is_held(text) from public;

drop function tenantry.open_batch(text[], bigint[], text, text, boolean, text[], text[]);

-- Opens a batch of a rollout: locks its tenants, moves their heads and writes the ledger or erases it. A function, so that
-- its statements are planned once per connection. What another process did meanwhile shows here, before any DDL.
create function tenantry.open_batch(
  schemas text[], wait_ms integer, from_head text, to_head text, going_up boolean, migrations text[], checksums text[]
) returns void language plpgsql
set search_path = ''
as $$
declare
  found_rows integer;
begin
  -- In the order of their names, the same for everybody, so that two batches never wait for each other.
  perform tenantry.take_lock('schema:' || name, wait_ms)
     from (select name from unnest(schemas) name order by name collate "C") as ordered;
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

revoke execute on function tenantry.open_batch(text[], integer, text, text, boolean, text[], text[]) from public;
