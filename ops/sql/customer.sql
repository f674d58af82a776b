-- One living customer: the columns derived from the portrait, what jobs computed, and the portrait itself. Parameter: id.
select
    customer.customer_id::text, lifecycle, full_name, email, phone, birthday, age_band, gender, province, area, income_band, language,
    acquisition_channel, preferred_channel, preferred_store, first_seen_at, last_seen_at, events, orders, revenue, customer.currency,
    revenue_by_currency, average_order, first_order_at, last_order_at, points, updated_at, version,
    adopter_group, p_alive, purchases_90d, value_90d,
    (select state from portrait.customers where id = %(id)s::uuid) as state
from crm.customers as customer
left join crm.customer_adoption as adoption on adoption.customer_id = customer.customer_id
left join crm.customer_predictions as prediction on prediction.customer_id = customer.customer_id
where customer.customer_id = %(id)s::uuid
