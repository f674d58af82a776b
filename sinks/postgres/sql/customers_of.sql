-- The living customers of the identifiers that are known. Parameter: identifiers.
select known.identifier, coalesce(alias.customer_id, known.customer_id)::text
from portrait.identifiers as known
left join portrait.aliases as alias on alias.alias_id = known.customer_id
where known.identifier = any (%(identifiers)s::text[])
