-- What jobs computed of living customers, by id, as far as anything was.
select id::text, adopter_group, p_alive, purchases_90d, value_90d, value_top_percent
from portrait.customers
where adopter_group is not null or p_alive is not null
order by customers.id
