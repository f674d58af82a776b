-- The events of nodes. Parameter: nodes. As to `offset`, see orders_counted.
select replace(asked.node::text, '-', ''), event.body
from unnest(%(nodes)s::uuid[]) as asked (node)
cross join lateral (select body from portrait.events where node = asked.node offset 0) as event
