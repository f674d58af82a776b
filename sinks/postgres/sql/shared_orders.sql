-- How many order ids are counted more than once when customers become part of a survivor.
-- Parameters: ended and survivors, arrays in the same order.
with part as (
    select ended as customer_id, survivor
    from unnest(%(ended)s::uuid[], %(survivors)s::uuid[]) as pair (ended, survivor)
    union
    select survivor, survivor from unnest(%(survivors)s::uuid[]) as survivor
), node as (
    select customer_id as node, customer_id, survivor from part
    union all
    select alias.alias_id, part.customer_id, part.survivor
    from part join portrait.aliases as alias using (customer_id)
), repeated as (
    select node.survivor, count(distinct node.customer_id) - 1 as times
    from node join portrait.events as event on event.customer_id = node.node
    where event.order_id is not null
    group by node.survivor, event.order_id
    having count(distinct node.customer_id) > 1
)
select survivor::text, sum(times)::bigint from repeated group by survivor
