-- Where customers stand among all others.

alter table portrait.customers
    add column year_revenue bigint not null default 0,
    add column recency_score smallint,
    add column frequency_score smallint,
    add column monetary_score smallint,
    add column top_percent smallint,
    add column vital boolean;

create table portrait.rankings (
    one     boolean primary key default true check (one),
    next_at timestamptz not null default '-infinity',
    bounds  jsonb
);
insert into portrait.rankings default values;
comment on table portrait.rankings is 'What all customers are measured by (schemas.ranks.Bounds), and when it is computed again. One row.';
grant select, update on portrait.rankings to portrait_worker;

create or replace view crm.customers as
select
    id as customer_id,
    lifecycle,
    case when (select crm.sees_personal_data()) then full_name else portrait.masked_name(full_name) end as full_name,
    case when (select crm.sees_personal_data()) then email else portrait.masked_email(email) end as email,
    case when (select crm.sees_personal_data()) then phone else portrait.masked_phone(phone) end as phone,
    case when (select crm.sees_personal_data()) then birthday end as birthday,
    age_band, gender, province, area, income_band, language, acquisition_channel, preferred_channel, preferred_store,
    first_seen_at, last_seen_at, events, orders, revenue, currency, revenue_by_currency,
    round(revenue / nullif(orders, 0), scale(revenue)) as average_order,
    first_order_at, last_order_at, points, segments, updated_at, version,
    round(year_revenue / 10::numeric ^ scale(revenue), scale(revenue)) as year_revenue,
    recency_score, frequency_score, monetary_score, top_percent, vital
from portrait.customers;
comment on column crm.customers.year_revenue is
    'What was paid within 365 days, returns subtracted, in major units of currency; of the newest 400 purchases.';
comment on column crm.customers.recency_score is
    '1 to 5, a fifth of all buyers each, by the last purchase; 5 is best; null without a purchase. See docs/segments.md.';
comment on column crm.customers.frequency_score is '1 to 5, by orders.';
comment on column crm.customers.monetary_score is '1 to 5, by revenue.';
comment on column crm.customers.top_percent is
    'Of the best 1, 5, 10, 20 or 100 percent by year_revenue; null without any.';
comment on column crm.customers.vital is
    'Whether of the smallest group that made 80 percent of the revenue of 365 days; null who made none.';

create view crm.bounds as
with unit as (
    select 10::numeric ^ scale(revenue) as minor, scale(revenue) as digits from portrait.customers limit 1
), bound as (
    select measure, step + 1 as step, bound::text::bigint as value, to_timestamp((bounds ->> 'computed_at')::bigint / 1000.0) as computed_at
    from portrait.rankings
    cross join unnest(array['recency', 'frequency', 'monetary', 'top']) as measure
    cross join jsonb_array_elements(bounds -> measure) with ordinality as bounded (bound, step)
    union all
    select 'vital', 1, (bounds ->> 'vital')::bigint, to_timestamp((bounds ->> 'computed_at')::bigint / 1000.0)
    from portrait.rankings where bounds ->> 'vital' is not null
)
select
    measure,
    case measure when 'top' then (array[20, 10, 5, 1])[step - 1] when 'vital' then null else step end as score,
    case measure when 'recency' then to_timestamp(value / 1000.0) end as from_time,
    case measure when 'recency' then null when 'frequency' then value else round(value / minor, digits) end as from_value,
    computed_at
from bound cross join unit;
comment on view crm.bounds is 'What customers are measured by: from which value on they have a score. Computed again and again.';
comment on column crm.bounds.measure is 'recency, frequency, monetary (the scores), top (top_percent) or vital, of crm.customers.';
comment on column crm.bounds.score is 'The score, or the percentage, from this value on; null for vital.';
comment on column crm.bounds.from_time is 'For recency: the last purchase from which the score is this one.';
comment on column crm.bounds.from_value is
    'For frequency: orders; for monetary, revenue, and for top and vital, year_revenue: in major units of the base currency.';
comment on column crm.bounds.computed_at is 'When it was computed.';
