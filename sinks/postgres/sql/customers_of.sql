-- What is stored of identifiers that are known: the living customer, and how it may be treated. Parameter: nodes.
select known.identifier, coalesce(alias.customer_id, known.customer_id)::text, known.standing
from portrait.identifiers as known
left join portrait.aliases as alias on alias.alias_id = known.customer_id
where known.node = any (%(nodes)s::uuid[])
