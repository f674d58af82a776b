-- Lock and read customers whose segments may have changed by time alone, passing over those that others hold.
select id::text, segments, state
from portrait.customers
where due_at <= %(now)s
order by due_at
limit %(limit)s
for update skip locked
