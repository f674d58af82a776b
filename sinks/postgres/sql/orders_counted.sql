-- Of the (customer, order) asked for, those among the stored purchases of the customer or of one that became part of it.
-- Parameters: customers; orders, arrays in the same order.
with asked as (
    select customer_id, order_id
    from unnest(%(customers)s::uuid[], %(orders)s::text[]) as pair (customer_id, order_id)
), named as (
    select customer_id, order_id, customer_id as node from asked
    union all
    select asked.customer_id, asked.order_id, alias.alias_id
    from asked join portrait.aliases as alias using (customer_id)
)
select named.customer_id::text, named.order_id
from named
where exists (
    select from portrait.events as event
    where event.customer_id = named.node and event.order_id = named.order_id
)
