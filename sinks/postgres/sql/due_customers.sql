-- Lock and read customers whose segments may have changed by time alone, passing over those that others hold.
select id::text, segments, state, adopter_group, p_alive, purchases_90d, value_90d, value_top_percent,
    due_backfill
from portrait.customers
where due_at <= %(now)s
order by due_at
limit %(limit)s
for update skip locked
