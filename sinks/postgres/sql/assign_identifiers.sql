-- Claim new identifiers for their customers, in one sorted order; waits for others that claim the same at the same time.
-- Returns those that were really new. Parameters: identifiers; customers, arrays in the same order.
insert into portrait.identifiers (identifier, customer_id)
select identifier, customer_id
from unnest(%(identifiers)s::text[], %(customers)s::uuid[])
    as assigned (identifier, customer_id)
order by identifier collate "C"
on conflict (identifier) do nothing
returning identifier
