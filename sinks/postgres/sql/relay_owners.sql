-- The customers of those of these identifiers that are not plain. Parameter: nodes.
select identifier, coalesce(customer_id::text, '')
from portrait.identifiers
where node = any (%(nodes)s::uuid[]) and standing <> 0
