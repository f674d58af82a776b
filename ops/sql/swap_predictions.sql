-- Serve what has arrived in the place of what the run before said, and return the number of this run. Customers that ended
-- meanwhile are left out. value_top_percent: the bounds are at the customer with whom so many percent, rounded up, of all of whom value
-- is expected are reached, and who has as much is there, too. Parameters: as_of, seconds, by, currency, customers, learned_from, repeaters, the parameters found.
delete from portrait.predictions;
with run as (
    insert into portrait.prediction_runs (
        as_of, took, by, currency, customers, learned_from, repeaters,
        r, alpha, a, b, log_likelihood, p, q, v, value_log_likelihood, correlation
    )
    values (
        %(as_of)s, make_interval(secs => %(seconds)s), %(by)s, %(currency)s, %(customers)s, %(learned_from)s, %(repeaters)s,
        %(r)s, %(alpha)s, %(a)s, %(b)s, %(log_likelihood)s, %(p)s, %(q)s, %(v)s, %(value_log_likelihood)s, %(correlation)s
    )
    returning id
)
insert into portrait.predictions (customer_id, run_id, p_alive, purchases_90d, value_90d, value_top_percent)
select
    arrived.customer_id, run.id, arrived.p_alive, arrived.purchases_90d, arrived.value_90d,
    case
        when arrived.value_90d > 0 then case
            when arrived.place <= (arrived.all_in_all + 99) / 100 then 1
            when arrived.place <= (5 * arrived.all_in_all + 99) / 100 then 5
            when arrived.place <= (10 * arrived.all_in_all + 99) / 100 then 10
            when arrived.place <= (20 * arrived.all_in_all + 99) / 100 then 20
            when arrived.place <= (50 * arrived.all_in_all + 99) / 100 then 50
            else 100
        end
    end
from (
    select
        incoming.*, rank() over (partition by value_90d > 0 order by value_90d desc) as place,
        count(*) over (partition by value_90d > 0) as all_in_all
    from incoming_predictions as incoming
    where exists (select from portrait.customers as customer where customer.id = incoming.customer_id)
) as arrived
cross join run;
select currval(pg_get_serial_sequence('portrait.prediction_runs', 'id'))
