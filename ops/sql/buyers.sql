-- The portrait of every living customer who has bought something, in no order.
select id::text, state from portrait.customers where first_order_at is not null
