-- Have the profiles of these customers published once more. Parameter: customers.
insert into portrait.outbox (customer_id)
select customer_id from unnest(%(customers)s::uuid[]) as again (customer_id)
order by customer_id
