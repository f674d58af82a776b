-- Ids of customers that became part of this one, and when. Parameter: id.
select alias_id::text, merged_at from portrait.aliases where customer_id = %(id)s::uuid order by merged_at, aliases.alias_id
