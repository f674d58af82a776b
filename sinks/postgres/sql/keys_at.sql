-- The keys of the events of nodes. Parameter: nodes.
select replace(key::text, '-', '') from portrait.events where node = any (%(nodes)s::uuid[])
