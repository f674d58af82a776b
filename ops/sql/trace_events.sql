-- Stored events by their keys, with the customer that each belongs to now (null: nobody, or not decided yet) and whether that is
-- being decided. Parameter: keys.
select replace(event.key::text, '-', ''), event.source, event.type, event.time, event.received_at, event.stored_at, event.origin,
       known.customer_id::text, coalesce(known.open, false)
from portrait.events as event
left join portrait.node_customers as known on known.node = event.node
where event.key = any(%(keys)s::uuid[])
order by event.source
