-- Events, each with its node. Parameter: keys.
select replace(node::text, '-', ''), body from portrait.events where key = any (%(keys)s::uuid[])
