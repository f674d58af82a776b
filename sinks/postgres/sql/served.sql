-- Every living customer as it is served, ordered by id.
select id::text, segments, floor(extract(epoch from due_at) * 1000)::bigint, year_revenue, recency_score,
    frequency_score, monetary_score, top_percent, vital,
    adopter_group, p_alive, purchases_90d, value_90d, value_top_percent, state
from portrait.customers
order by customers.id
