-- Living customers as they are now, without holding them. Parameter: ids.
select id::text, version - evaluations, evaluations, segments, state
from portrait.customers
where id = any (%(ids)s::uuid[])
