-- Where events were received once more, by their keys: key, origin, when it was recognised, how often in all. Parameters: keys, limit.
select replace(key::text, '-', ''), origin, seen_at, count(*) over (partition by key) from portrait.duplicates where key = any(%(keys)s::uuid[])
order by seen_at nulls first, origin
limit %(limit)s
