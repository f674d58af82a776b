-- Ids lead elsewhere. Parameters: actions, customers, others, reasons, arrays in the same order; at.
with told as (
    insert into portrait.identity_changes (action, customer_id, other_id, at, reason)
    select action, customer, other, %(at)s, reason
    from unnest(%(actions)s::text[], %(customers)s::uuid[], %(others)s::uuid[], %(reasons)s::text[])
        as turn (action, customer, other, reason)
    returning id, customer_id
)
insert into portrait.outbox (customer_id, identity_change_id) select customer_id, id from told order by id
