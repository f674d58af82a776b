-- Of the (customer, order) asked for, those among the stored purchases of the customer. Parameters: customers; orders, arrays in the
-- same order. `offset` and `limit` keep the planner at looking up each one by index: statistics lag behind a table that fills fast.
select distinct asked.customer_id::text, asked.order_id
from unnest(%(customers)s::uuid[], %(orders)s::text[]) as asked (customer_id, order_id)
cross join lateral (
    select known.node from portrait.identifiers as known where known.customer_id = asked.customer_id offset 0
) as its
where (
    select true from portrait.events as event where event.node = its.node and event.order_id = asked.order_id limit 1
)
