-- The order ids of the stored purchases of customers and of those that became part of them. Parameter: customers.
with node as (
    select id as customer_id, id as node from unnest(%(customers)s::uuid[]) as asked (id)
    union all
    select alias.customer_id, alias.alias_id
    from portrait.aliases as alias
    where alias.customer_id = any (%(customers)s::uuid[])
)
select node.customer_id::text, array_agg(distinct event.order_id)
from node
join portrait.events as event on event.customer_id = node.node
where event.order_id is not null
group by node.customer_id
