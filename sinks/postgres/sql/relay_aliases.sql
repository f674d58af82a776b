-- Who became part of these customers. Parameter: customers.
select customer_id::text, alias_id::text
from portrait.aliases
where customer_id = any (%(customers)s::uuid[])
order by aliases.alias_id
