-- Lock living customers in one sorted order and read them. Parameter: ids.
select id::text, segments, state, adopter_group, p_alive, purchases_90d, value_90d, value_top_percent
from portrait.customers
where id = any (%(ids)s::uuid[])
order by customers.id
for update
