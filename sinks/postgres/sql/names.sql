-- Every id that leads to one of these living customers. Parameter: customers.
select id::text, replace(anchor::text, '-', ''), id::text
from portrait.customers where id = any (%(customers)s::uuid[])
union all
select alias_id::text, replace(anchor::text, '-', ''), customer_id::text
from portrait.aliases where customer_id = any (%(customers)s::uuid[])
order by 1
