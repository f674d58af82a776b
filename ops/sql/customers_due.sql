-- How many customers wait to be evaluated since then or longer. Parameter: now.
select count(*) from portrait.customers where due_at <= %(now)s
