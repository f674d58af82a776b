-- Replace or create the batch's customers, and tell the relay. Parameters: exact, whether due times may be moved back;
-- evaluation, whether nothing but segments changes.
with saved as (
    insert into portrait.customers as stored (
        id, version, updated_at, lifecycle, segments, due_at, full_name, email, phone, birthday, age_band, gender, province,
        area, income_band, language, acquisition_channel, preferred_channel, preferred_store, first_seen_at, last_seen_at,
        events, orders, revenue, currency, revenue_by_currency, first_order_at, last_order_at, points, year_revenue,
        recency_score, frequency_score, monetary_score, top_percent, vital, state, anchor
    )
    select
        id, 1, to_timestamp(updated / 1000.0), lifecycle, segments, to_timestamp(due / 1000.0), full_name, email, phone,
        birthday::date, age_band, gender, province, area, income_band, language, acquisition_channel, preferred_channel,
        preferred_store, to_timestamp(first_seen / 1000.0), to_timestamp(last_seen / 1000.0), events, orders,
        revenue::numeric, currency, revenue_by_currency::jsonb, to_timestamp(first_order / 1000.0), to_timestamp(last_order / 1000.0), points,
        year_revenue, recency_score, frequency_score, monetary_score, top_percent, vital, state, anchor
    from incoming
    on conflict (id) do update set
        version = stored.version + 1, evaluations = stored.evaluations + %(evaluation)s::boolean::integer,
        due_backfill = stored.due_backfill and not %(evaluation)s, updated_at = excluded.updated_at, lifecycle = excluded.lifecycle,
        segments = excluded.segments, full_name = excluded.full_name, email = excluded.email,
        phone = excluded.phone, birthday = excluded.birthday, age_band = excluded.age_band, gender = excluded.gender,
        province = excluded.province, area = excluded.area, income_band = excluded.income_band,
        language = excluded.language, acquisition_channel = excluded.acquisition_channel,
        preferred_channel = excluded.preferred_channel, preferred_store = excluded.preferred_store,
        first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at, events = excluded.events,
        orders = excluded.orders, revenue = excluded.revenue, currency = excluded.currency,
        revenue_by_currency = excluded.revenue_by_currency, first_order_at = excluded.first_order_at,
        due_at = case when %(exact)s then excluded.due_at else least(stored.due_at, excluded.due_at) end,
        last_order_at = excluded.last_order_at, points = excluded.points, year_revenue = excluded.year_revenue,
        recency_score = excluded.recency_score, frequency_score = excluded.frequency_score,
        monetary_score = excluded.monetary_score, top_percent = excluded.top_percent, vital = excluded.vital,
        state = excluded.state
    returning id
)
insert into portrait.outbox (customer_id) select id from saved
