-- What all customers' values come to: see schemas.ranks.Bounds. Of equal values all are on the same side.
with buyer as (
    select
        round(extract(epoch from last_order_at) * 1000)::bigint as last_order,
        orders,
        (revenue * 10::numeric ^ scale(revenue))::bigint as revenue,
        year_revenue
    from portrait.customers
    where orders > 0 and last_order_at is not null
), fifths as (
    select
        count(*) as customers,
        percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by last_order) as recency,
        percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by orders) as frequency,
        percentile_disc(array[0.2, 0.4, 0.6, 0.8]) within group (order by revenue) as monetary
    from buyer
), paid as (
    select year_revenue as value, count(*) as customers, count(*) * year_revenue as revenue
    from buyer where year_revenue > 0
    group by year_revenue
), running as (
    select
        value,
        sum(customers) over best as customers, sum(customers) over () as all_customers,
        sum(revenue) over best as revenue, sum(revenue) over () as all_revenue
    from paid
    window best as (order by value desc)
)
select
    customers,
    (select array_agg(value + 1 order by value) from unnest(recency) as value),
    (select array_agg(value + 1 order by value) from unnest(frequency) as value),
    (select array_agg(value + 1 order by value) from unnest(monetary) as value),
    (select array_agg(bound order by percent desc) from (
        select percent, max(value) as bound
        from running cross join unnest(array[20, 10, 5, 1]) as percent
        where running.customers * 100 >= percent * all_customers
        group by percent
    ) as best),
    (select max(value) from running where revenue * 100 >= 80 * all_revenue)
from fifths
