-- How many customers are due, counted up to a limit. Parameters: now, limit.
select count(*) from (select from portrait.customers where due_at <= %(now)s limit %(limit)s) as waiting
