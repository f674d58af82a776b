-- Forget exactly what was published. Parameter: entries.
delete from portrait.outbox where id = any (%(entries)s::bigint[])
