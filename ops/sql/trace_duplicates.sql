-- Where events were received once more, by their keys: key, origin, when it was recognised, how often in all; of each event the
-- first so many. Parameters: keys, limit.
select replace(key::text, '-', ''), origin, seen_at, times
from (
    select key, origin, seen_at, count(*) over (partition by key) as times,
           row_number() over (partition by key order by seen_at nulls first, origin) as place
    from portrait.duplicates
    where key = any(%(keys)s::uuid[])
) as repeated
where place <= %(limit)s
order by key, place
