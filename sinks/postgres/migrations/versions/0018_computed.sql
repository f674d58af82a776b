-- What `portrait adopters` and `portrait predict` computed stands with the customer, too, where rules of segments see it. Fewer digits
-- than in the tables of the jobs: who did nothing is not to be evaluated again after every run.

alter table portrait.customers
    add column adopter_group text,
    add column p_alive real,
    add column purchases_90d real,
    add column value_90d bigint,
    add column value_top_percent smallint,
    add column due_backfill boolean not null default false;
comment on column portrait.customers.due_backfill is
    'What is due is told as a backfill: a job said something of somebody for the first time who did nothing lately.';

alter table portrait.predictions add column value_top_percent smallint check (value_top_percent between 1 and 100);

create or replace view crm.customer_predictions as
select prediction.customer_id, prediction.p_alive, prediction.purchases_90d,
       portrait.major(prediction.value_90d, run.currency) as value_90d, run.currency, run.as_of as fitted_at, run.id as run_id,
       prediction.value_top_percent
from portrait.predictions as prediction
join portrait.customers as customer on customer.id = prediction.customer_id
join portrait.prediction_runs as run on run.id = prediction.run_id;
comment on column crm.customer_predictions.value_top_percent is
    'Of the best 1, 5, 10, 20, 50 or 100 percent by value_90d, of those of whom any is expected; null of whom none is, and until the '
    'first run of this version.';
