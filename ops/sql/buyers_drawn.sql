-- The portraits of some living customers who have bought something, drawn by chance, but the same ones each time. Parameter: most.
select state from portrait.customers
where id in (
    select id from portrait.customers where first_order_at is not null order by md5(id::text), id limit %(most)s
)
