-- Lock customers in one sorted order; return how many of them are still as they were read. Parameters: ids; versions, arrays in the
-- same order.
with held as materialized (
    select id, version
    from portrait.customers
    where id = any (%(ids)s::uuid[])
    order by id
    for update
)
select count(*)
from held
join unnest(%(ids)s::uuid[], %(versions)s::bigint[]) as seen (id, version) using (id, version)
