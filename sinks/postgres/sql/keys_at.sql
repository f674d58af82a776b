-- The keys of the events of nodes. Parameter: nodes. As to `offset`, see orders_counted.
select replace(event.key::text, '-', '')
from unnest(%(nodes)s::uuid[]) as asked (node)
cross join lateral (select key from portrait.events where node = asked.node offset 0) as event
