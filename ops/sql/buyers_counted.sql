-- How many living customers have bought something.
select count(*) from portrait.customers where first_order_at is not null
