-- Let what `portrait adopters` and `portrait predict` computed last stand with the next customers by id, and let those be due with whom
-- something else stood before. p_alive keeps hundredths, purchases_90d and value_90d two digits that count: the rest changes daily and
-- means nothing. What a job says for the first time of somebody who did nothing for two days is a backfill: else its first run would
-- tell of everybody. Returns the last id that was looked at (null: there was none), how many were, and how many are due.
-- Parameters: after, an id; limit; now.
with looked as materialized (
    select id from portrait.customers where id > %(after)s::uuid order by id limit %(limit)s
), said as (
    select
        looked.id, adopter.adopter_group, trunc(prediction.p_alive::numeric, 2)::real as p_alive,
        trunc(
            prediction.purchases_90d::numeric,
            case when prediction.purchases_90d >= 10 then 0 when prediction.purchases_90d >= 1 then 1 else 2 end
        )::real as purchases_90d,
        trunc(prediction.value_90d::numeric, 2 - length(prediction.value_90d::text))::bigint as value_90d,
        prediction.value_top_percent
    from looked
    left join portrait.adopters as adopter on adopter.customer_id = looked.id
    left join portrait.predictions as prediction on prediction.customer_id = looked.id
), changed as materialized (
    select
        customer.id, said.adopter_group, said.p_alive, said.purchases_90d, said.value_90d, said.value_top_percent
    from portrait.customers as customer
    join said using (id)
    where (customer.adopter_group, customer.p_alive, customer.purchases_90d, customer.value_90d, customer.value_top_percent)
        is distinct from (said.adopter_group, said.p_alive, said.purchases_90d, said.value_90d, said.value_top_percent)
    order by customer.id
    for update of customer
), handed as (
    update portrait.customers as customer
    set adopter_group = changed.adopter_group, p_alive = changed.p_alive, purchases_90d = changed.purchases_90d,
        value_90d = changed.value_90d, value_top_percent = changed.value_top_percent,
        due_backfill = customer.due_backfill or (
            customer.last_seen_at < %(now)s::timestamptz - interval '2 days'
            and ((customer.adopter_group is null and changed.adopter_group is not null)
                 or (customer.p_alive is null and changed.p_alive is not null))
        ),
        due_at = least(customer.due_at, %(now)s::timestamptz)
    from changed
    where customer.id = changed.id
    returning customer.id
)
select (select max(id::text) from looked), (select count(*) from looked), (select count(*) from handed)
