-- The strongest identifier of each of these customers that stands for somebody. Parameter: customers.
select distinct on (customer_id) customer_id::text as customer, identifier
from portrait.identifiers
where customer_id = any (%(customers)s::uuid[]) and standing <> 3
order by customer_id, portrait.strength(split_part(identifier, ':', 1)), identifier collate "C", since
