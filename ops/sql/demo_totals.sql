-- Customers, those who bought, their orders, what they paid in USD in cents, and their points.
select
    count(*),
    count(*) filter (where orders > 0),
    coalesce(sum(orders), 0)::bigint,
    coalesce(sum((revenue_by_currency ->> 'USD')::numeric) * 100, 0)::bigint,
    coalesce(sum(points), 0)::bigint
from crm.customers
