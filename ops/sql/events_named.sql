-- What some events were: key, type, source and id. Parameter: keys.
select replace(key::text, '-', ''), type, source, id from portrait.events where key = any(%(keys)s::uuid[])
