-- Every event with its living customer and its node, customer by customer; those of nobody come first.
select known.customer_id::text as customer, replace(event.node::text, '-', ''), event.body
from portrait.events as event
left join portrait.identifiers as known on known.node = event.node
order by known.customer_id nulls first, event.key
