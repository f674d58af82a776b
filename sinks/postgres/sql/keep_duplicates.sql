-- Record duplicates once each. Parameters: origins; keys, arrays in the same order.
insert into portrait.duplicates (origin, key)
select origin, key
from unnest(%(origins)s::text[], %(keys)s::uuid[]) as repeated (origin, key)
order by origin
on conflict (origin) do nothing
