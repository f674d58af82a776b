-- The identifiers of customers. Parameter: customers.
select customer_id::text, identifier
from portrait.identifiers
where customer_id = any (%(customers)s::uuid[])
