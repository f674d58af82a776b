-- Identifiers as they are now. Parameters: nodes, identifiers, sinces, customers ('' for none), standings, whys ('' for none), arrays
-- in the same order; gone, nodes that are no more.
with gone as (
    delete from portrait.identifiers where node = any (%(gone)s::uuid[])
)
insert into portrait.identifiers as known (node, identifier, since, customer_id, standing, why)
select node, identifier, since, nullif(customer, '')::uuid, standing, nullif(why, '')
from unnest(%(nodes)s::uuid[], %(identifiers)s::text[], %(sinces)s::bigint[], %(customers)s::text[], %(standings)s::smallint[],
            %(whys)s::text[]) as settled (node, identifier, since, customer, standing, why)
order by node
on conflict (node) do update
set customer_id = excluded.customer_id, standing = excluded.standing, why = excluded.why
