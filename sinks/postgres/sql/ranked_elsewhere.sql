-- Customers who have other scores by these bounds than those that they were given, and are not due. Who has no scores at all is
-- being evaluated with everybody, as long as that goes on. Parameters: recency, frequency, monetary, top, vital,
-- now, limit.
select id::text
from portrait.customers
where orders > 0 and last_order_at is not null and (due_at is null or due_at > %(now)s)
    and (recency_score is not null
        or coalesce((select finished_at is not null from portrait.sweeps order by begun_at desc limit 1), true))
    and (recency_score, frequency_score, monetary_score, top_percent, vital) is distinct from (
        1 + width_bucket(round(extract(epoch from last_order_at) * 1000)::bigint, %(recency)s::bigint[]),
        1 + width_bucket(orders, %(frequency)s::bigint[]),
        1 + width_bucket((revenue * 10::numeric ^ scale(revenue))::bigint, %(monetary)s::bigint[]),
        case when year_revenue > 0 and %(vital)s::bigint is not null then (array[100, 20, 10, 5, 1])[1 + width_bucket(year_revenue, %(top)s::bigint[])] end,
        case when year_revenue > 0 then year_revenue >= %(vital)s end
    )
limit %(limit)s
