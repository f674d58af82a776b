-- Customers by lifecycle, the largest group first.
select lifecycle, count(*) from crm.customers group by lifecycle order by count(*) desc, lifecycle
