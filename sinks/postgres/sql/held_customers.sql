-- Living customers as they are now, without holding them. Parameter: ids.
select id::text, version - evaluations, evaluations, segments, state, adopter_group, p_alive, purchases_90d, value_90d,
    value_top_percent
from portrait.customers
where id = any (%(ids)s::uuid[])
