-- The portrait of every living customer, in no order.
select id::text, state from portrait.customers
