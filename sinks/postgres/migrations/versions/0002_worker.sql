-- The worker reads and writes rows of every table of the private schema, those of later migrations too. It owns none of them,
-- so it can change no table; it cannot truncate one; and of the list of migrations it may only read.

grant usage on schema portrait to portrait_worker;
grant select, insert, update, delete on all tables in schema portrait to portrait_worker;
alter default privileges in schema portrait grant select, insert, update, delete on tables to portrait_worker;
revoke insert, update, delete on portrait.migrations from portrait_worker;
