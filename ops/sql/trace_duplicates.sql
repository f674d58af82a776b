-- Where events were received once more, by their keys: key, origin, when it was recognised. Parameters: keys, limit.
select replace(key::text, '-', ''), origin, seen_at from portrait.duplicates where key = any(%(keys)s::uuid[])
order by seen_at nulls first, origin
limit %(limit)s
