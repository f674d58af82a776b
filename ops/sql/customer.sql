-- One living customer: the columns derived from the portrait, and the portrait itself. Parameter: id.
select
    customer_id::text, lifecycle, full_name, email, phone, birthday, age_band, gender, province, area, income_band, language,
    acquisition_channel, preferred_channel, preferred_store, first_seen_at, last_seen_at, events, orders, revenue, currency,
    revenue_by_currency, average_order, first_order_at, last_order_at, points, updated_at, version,
    (select state from portrait.customers where id = %(id)s::uuid) as state
from crm.customers
where customer_id = %(id)s::uuid
