-- Serve what has arrived in the place of what the run before said, and return the number of this run. Customers that ended
-- meanwhile are left out. Parameters: as_of, seconds, by, currency, customers, learned_from, repeaters, the parameters found.
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
insert into portrait.predictions (customer_id, run_id, p_alive, purchases_90d, value_90d)
select arrived.customer_id, run.id, arrived.p_alive, arrived.purchases_90d, arrived.value_90d
from incoming_predictions as arrived cross join run
where exists (select from portrait.customers as customer where customer.id = arrived.customer_id);
select currval(pg_get_serial_sequence('portrait.prediction_runs', 'id'))
