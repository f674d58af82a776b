-- Which of these events are stored, and counted for a living customer: key, customer. Parameter: keys.
select replace(event.key::text, '-', ''), known.customer_id::text
from portrait.events as event
join portrait.identifiers as known on known.node = event.node
where event.key = any(%(keys)s::uuid[]) and known.customer_id is not null
