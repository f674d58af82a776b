-- Lock nodes in one sorted order. Parameter: nodes.
select node
from portrait.identifiers
where node = any (%(nodes)s::uuid[])
order by node
for update
