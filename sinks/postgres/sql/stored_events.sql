-- Which of these events are stored, and where they came from. Parameter: keys.
select replace(key::text, '-', ''), origin
from portrait.events
where key = any (%(keys)s::uuid[])
