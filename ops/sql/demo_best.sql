-- The ten customers with the highest revenue.
select
    customer_id::text as customer, coalesce(full_name, customer_id::text), lifecycle, orders, revenue, currency, points, last_order_at,
    preferred_store
from crm.customers
where orders > 0
order by revenue desc, customer_id
limit 10
