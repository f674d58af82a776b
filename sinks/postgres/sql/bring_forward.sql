-- Look again at customers at these times (Unix ms), if not before. Parameters: customers, times, arrays in the same order.
with asked as (
    select customer.id, to_timestamp(asked.time / 1000.0) as due
    from portrait.customers as customer
    join unnest(%(customers)s::uuid[], %(times)s::bigint[]) as asked (id, time) using (id)
    order by customer.id
    for update of customer
)
update portrait.customers as customer set due_at = least(customer.due_at, asked.due) from asked where customer.id = asked.id
