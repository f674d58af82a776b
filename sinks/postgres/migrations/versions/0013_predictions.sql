-- What customers will probably do: one model run, and what it says of each customer. Runs are kept, predictions are those of the
-- last run. Nothing that is no finite number gets in: to PostgreSQL NaN is greater than Infinity.

create table portrait.prediction_runs (
    id                   bigint generated always as identity primary key,
    as_of                timestamptz not null,
    took                 interval not null,
    by                   text not null,
    currency             text not null,
    customers            bigint not null,
    learned_from         bigint not null,
    repeaters            bigint not null,
    r                    double precision not null,
    alpha                double precision not null,
    a                    double precision not null,
    b                    double precision not null,
    log_likelihood       double precision not null,
    p                    double precision,
    q                    double precision,
    v                    double precision,
    value_log_likelihood double precision,
    correlation          double precision
);
comment on table portrait.prediction_runs is 'Every run of portrait predict: what was learned from whom, when, and by whose order.';

create table portrait.predictions (
    customer_id   uuid primary key,
    run_id        bigint not null references portrait.prediction_runs,
    p_alive       double precision not null check (p_alive between 0 and 1),
    purchases_90d double precision not null check (purchases_90d >= 0 and purchases_90d < 'Infinity'),
    value_90d     bigint check (value_90d >= 0)
);
comment on table portrait.predictions is
    'What the last run says of every customer who had bought something. value_90d is in minor units. A customer may have ended since.';

create view crm.customer_predictions as
select prediction.customer_id, prediction.p_alive, prediction.purchases_90d,
       portrait.major(prediction.value_90d, run.currency) as value_90d, run.currency, run.as_of as fitted_at, run.id as run_id
from portrait.predictions as prediction
join portrait.customers as customer on customer.id = prediction.customer_id
join portrait.prediction_runs as run on run.id = prediction.run_id;

comment on view crm.customer_predictions is
    'What living customers will probably do, as of the last portrait predict; who had bought nothing then has no row.';
comment on column crm.customer_predictions.customer_id is 'The living customer; one that is made of two meanwhile is as it was before.';
comment on column crm.customer_predictions.p_alive is
    'The probability that the customer has not left for good, 0 to 1; always 1 for who bought on one day only (BG/NBD).';
comment on column crm.customer_predictions.purchases_90d is
    'On how many days of the 90 after fitted_at the customer is expected to buy (BG/NBD).';
comment on column crm.customer_predictions.value_90d is
    'What the customer is expected to pay within these 90 days, in major units of currency (BG/NBD and Gamma-Gamma); null while too '
    'few customers paid for more than one purchase to tell.';
comment on column crm.customer_predictions.currency is 'The base currency of this installation (ISO 4217), the same in every row.';
comment on column crm.customer_predictions.fitted_at is 'As of when it is said: the 90 days begin then.';
comment on column crm.customer_predictions.run_id is 'The run that said it; see crm.prediction_runs.';

create view crm.prediction_runs as
select id as run_id, as_of as fitted_at, took, by, customers, learned_from, repeaters, r, alpha, a, b, log_likelihood,
       p, q, portrait.major(v::numeric, currency) as v, value_log_likelihood, currency, correlation
from portrait.prediction_runs;

comment on view crm.prediction_runs is 'Every run of portrait predict, and the parameters that it found.';
comment on column crm.prediction_runs.run_id is 'The number of the run; the greatest is the one that crm.customer_predictions shows.';
comment on column crm.prediction_runs.fitted_at is 'The instant that customers were looked at.';
comment on column crm.prediction_runs.took is 'How long it took to learn and to predict, before it was served.';
comment on column crm.prediction_runs.by is 'Who ran it.';
comment on column crm.prediction_runs.customers is 'Of how many customers something was said.';
comment on column crm.prediction_runs.learned_from is 'From how many of them, drawn by chance, the parameters were learned.';
comment on column crm.prediction_runs.repeaters is 'How many of these bought on more than one day.';
comment on column crm.prediction_runs.r is 'BG/NBD: the shape of the distribution of purchase rates over customers.';
comment on column crm.prediction_runs.alpha is 'BG/NBD: the scale of it, in weeks; r / alpha is the mean number of purchases a week.';
comment on column crm.prediction_runs.a is 'BG/NBD: a / (a + b) is the mean probability to leave after a purchase.';
comment on column crm.prediction_runs.b is 'BG/NBD: see a.';
comment on column crm.prediction_runs.log_likelihood is 'BG/NBD: of all customers it was learned from.';
comment on column crm.prediction_runs.p is 'Gamma-Gamma: the shape of what one customer pays; null where there was too little to learn it from.';
comment on column crm.prediction_runs.q is 'Gamma-Gamma: the shape of how the scale of it differs over customers.';
comment on column crm.prediction_runs.v is 'Gamma-Gamma: the scale of that, in major units of currency; p v / (q − 1) is the mean purchase.';
comment on column crm.prediction_runs.value_log_likelihood is
    'Gamma-Gamma: of all customers it was learned from, of amounts in minor units.';
comment on column crm.prediction_runs.currency is 'The base currency of this installation (ISO 4217), the same in every row.';
comment on column crm.prediction_runs.correlation is
    'Of how often and how much customers buy, −1 to 1. The models take it to be 0; null where it cannot be told.';
