-- How many customers and events there are.
select (select count(*) from portrait.customers), (select count(*) from portrait.events)
