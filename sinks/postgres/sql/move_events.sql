-- Events belong to another identifier now. Parameters: keys; nodes, arrays in the same order.
update portrait.events as event
set node = moved.node
from unnest(%(keys)s::uuid[], %(nodes)s::uuid[]) as moved (key, node)
where event.key = moved.key
