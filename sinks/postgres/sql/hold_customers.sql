-- Lock living customers in one sorted order and read them. Parameter: ids.
select id::text, segments, state
from portrait.customers
where id = any (%(ids)s::uuid[])
order by id
for update
