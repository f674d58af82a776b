-- The roles of Portrait and what they may do in this database. Executed before every migration; what is there already is left
-- as it is. Roles belong to the whole cluster, so several databases may share these. Plain PostgreSQL 16; the user who runs
-- this needs to own the database (or be a superuser), and needs CREATEROLE while a role is missing.
--
-- portrait_owner       owns the schemas portrait and crm and all that is in them; nobody logs in as it
-- portrait_worker      reads and writes rows of schema portrait; cannot change tables
-- portrait_reader      reads schema crm, personal values masked
-- portrait_pii_reader  reads schema crm as it is
-- portrait_finder      reads where events are: ids, times and places of schema portrait, no value of an event

do $$
declare
    wanted text;
begin
    foreach wanted in array array[
        'portrait_owner', 'portrait_worker', 'portrait_reader', 'portrait_pii_reader', 'portrait_finder'
    ] loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
            execute format('create role %I nologin', wanted);
        end if;
    end loop;

    -- Of roles that somebody else created, granting is somebody else's right: then these must have been granted before.
    if not pg_has_role('portrait_pii_reader', 'portrait_reader', 'usage') then
        grant portrait_reader to portrait_pii_reader;
    end if;
    if not pg_has_role(current_user, 'portrait_owner', 'set') then
        execute format('grant portrait_owner to %I', current_user);
    end if;

    if not has_database_privilege('portrait_owner', current_database(), 'create') then
        execute format('grant create on database %I to portrait_owner', current_database());
    end if;
    -- The temporary table in which a batch of customers arrives.
    execute format('grant connect, temporary on database %I to portrait_worker', current_database());
    execute format('grant connect on database %I to portrait_reader, portrait_finder', current_database());
end
$$;
