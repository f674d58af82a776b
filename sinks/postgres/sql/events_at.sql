-- The events of nodes. Parameter: nodes.
select replace(node::text, '-', ''), body from portrait.events where node = any (%(nodes)s::uuid[])
