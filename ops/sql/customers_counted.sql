-- How many living customers there are.
select count(*) from portrait.customers
