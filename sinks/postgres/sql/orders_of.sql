-- The order ids of the stored purchases of customers. Parameter: customers. As to `offset`, see orders_counted.
select asked.customer_id::text, array_agg(distinct event.order_id)
from unnest(%(customers)s::uuid[]) as asked (customer_id)
cross join lateral (
    select known.node from portrait.identifiers as known where known.customer_id = asked.customer_id offset 0
) as its
cross join lateral (
    select order_id from portrait.events where node = its.node and order_id is not null offset 0
) as event
group by asked.customer_id
