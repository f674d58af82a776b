-- What was read of these customers is void. Parameter: customers.
with touched as (
    update portrait.customers set version = version + 1 where id = any (%(customers)s::uuid[]) returning id
)
insert into portrait.outbox (customer_id) select id from touched
