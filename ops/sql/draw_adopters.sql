-- Compute anew how soon customers buy what is new, and return (group, customers) for each group, and ('', products that count).
-- A customer adopts a product (sku) when first buying it. Among the buyers of a product, in the order in which they adopted it, each
-- stands at (those before + half of those at the same instant, oneself included) / all; a customer's score is the median over products.
-- Groups: Everett Rogers, Diffusion of Innovations: 2.5 %, 13.5 %, 34 %, 34 %, 16 % of adopters.
-- Parameters: buyers (a product needs so many), products (a customer needs so many of these), after_days (a product first sold sooner
-- after the first sale of all may be old: nobody knows who bought it before).
lock table portrait.adopters in share row exclusive mode;

delete from portrait.adopters;

with line as materialized (
    select sale.customer_id, sale.time, btrim(each.line ->> 'sku') as sku
    from portrait.sales as sale
    cross join lateral jsonb_array_elements(sale.lines) as each (line)
    where sale.customer_id is not null and (each.line ->> 'quantity')::numeric > 0
), adoption as (
    select sku, customer_id, min(time) as at from line group by sku, customer_id
), placed as (
    select
        sku, customer_id, min(at) over product as launched_at, count(*) over product as buyers,
        rank() over (partition by sku order by at) - 1 as before,
        count(*) over (partition by sku, at) as together
    from adoption
    window product as (partition by sku)
), counting as (
    select sku, customer_id, (before + together / 2.0) / buyers as place
    from placed
    where buyers >= %(buyers)s
        and launched_at >= (select min(time) from portrait.sales) + make_interval(days => %(after_days)s)
), scored as (
    select
        customer_id, count(*) as products,
        round((percentile_cont(0.5) within group (order by place))::numeric, 6) as score
    from counting
    group by customer_id
    having count(*) >= %(products)s
), kept as (
    insert into portrait.adopters (customer_id, score, adopter_group, products, computed_at)
    select
        customer_id, score,
        case
            when score <= 0.025 then 'innovator'
            when score <= 0.16 then 'early_adopter'
            when score <= 0.5 then 'early_majority'
            when score <= 0.84 then 'late_majority'
            else 'laggard'
        end,
        products, now()
    from scored
    returning adopter_group
)
select adopter_group, count(*) from kept group by adopter_group
union all
select '', count(distinct sku) from counting
