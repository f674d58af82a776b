-- A living customer's portrait and segments, and what jobs computed of it. Parameter: id.
select state, segments, adopter_group, p_alive, purchases_90d, value_90d, value_top_percent
from portrait.customers where id = %(id)s::uuid
