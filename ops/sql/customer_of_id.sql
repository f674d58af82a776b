-- The living customer of an id that was ever given out: itself, or the one it became part of. Parameter: id.
select id::text from portrait.customers where id = %(id)s::uuid
union all
select customer_id::text from portrait.aliases where alias_id = %(id)s::uuid
