-- The portrait and the segments of every living customer, or of so many, and what jobs computed of each. Parameter: most, null for all.
select state, segments, adopter_group, p_alive, purchases_90d, value_90d, value_top_percent
from portrait.customers limit %(most)s
