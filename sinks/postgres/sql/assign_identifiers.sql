-- Claim new identifiers for their customers, in one sorted order; waits for others that claim the same at the same time.
-- Returns those that were really new. Parameters: nodes; identifiers; customers ('' for none); standings, arrays in the same order.
insert into portrait.identifiers (node, identifier, customer_id, standing)
select node, identifier, nullif(customer, '')::uuid, standing
from unnest(%(nodes)s::uuid[], %(identifiers)s::text[], %(customers)s::text[], %(standings)s::smallint[])
    as assigned (node, identifier, customer, standing)
order by node
on conflict (node) do nothing
returning identifier
