-- What customers did. An event keeps the customer it was first given to, so merging customers rewrites no event; who that is now
-- is found through the aliases. In two branches, so that customer_id = X finds its index in both.

create view portrait.history as
select event.customer_id, event.key, event.time, event.received_at, event.type, event.channel, event.source, event.id,
       event.order_id, event.body
from portrait.events as event
where not exists (select from portrait.aliases as alias where alias.alias_id = event.customer_id)
union all
select alias.customer_id, event.key, event.time, event.received_at, event.type, event.channel, event.source, event.id,
       event.order_id, event.body
from portrait.aliases as alias
join portrait.events as event on event.customer_id = alias.alias_id;
comment on view portrait.history is 'Every event with the customer it belongs to now.';

create view portrait.sales as
select
    history.customer_id, history.key, history.time, history.channel,
    bought.amount, bought.currency, bought.base, bought.order_id, bought.store,
    coalesce(bought.discount, 0) as discount,
    coalesce(bought.coupons, 0) as coupons,
    coalesce(told.data #> '{basket,items}', told.data #> '{order,items}', '[]')::jsonb as lines,
    (select anyone.currency from portrait.customers as anyone limit 1) as base_currency
from portrait.history as history
cross join lateral json_to_record(history.body::json) as told (purchase json, data json)
cross join lateral json_to_record(told.purchase) as bought (
    amount bigint, currency text, base bigint, order_id text, store text, discount bigint, coupons integer
)
where told.purchase is not null;
comment on view portrait.sales is
    'The events that say that something was bought (or brought back: amount < 0). Amounts in minor units; base and discount '
    'in those of the base currency.';

create view crm.events as
select
    history.customer_id,
    history.time,
    history.received_at,
    history.type,
    history.channel,
    history.source,
    history.id as event_id,
    history.order_id,
    case when (select crm.sees_personal_data()) then (history.body::json -> 'data')::jsonb
         else portrait.shown_data((history.body::json -> 'data')::jsonb) end as data,
    coalesce((history.body::json -> 'problems')::jsonb, '[]') as problems,
    history.key
from portrait.history as history;

comment on view crm.events is 'The history: every event once, with the customer it belongs to now.';
comment on column crm.events.customer_id is 'The living customer; null when the event names nobody who could be told.';
comment on column crm.events.time is 'When it happened.';
comment on column crm.events.received_at is 'When it was received.';
comment on column crm.events.type is 'What happened: web.form_submitted.v1, loyalty.card_scanned.v1, …';
comment on column crm.events.channel is 'The channel: the first word of the type.';
comment on column crm.events.source is 'Who sent it: the CloudEvents source.';
comment on column crm.events.event_id is 'The sender''s id of it; unique together with source.';
comment on column crm.events.order_id is 'The order, for a purchase that has an id.';
comment on column crm.events.data is
    'Personal. What the channel said, declared fields only; masked: only what was bought, where and how, and the campaign (utm).';
comment on column crm.events.problems is 'What could not be used of it: an array of [JSON path, code].';
comment on column crm.events.key is 'The event''s key in this database, a digest of source and event_id.';

create view crm.orders as
select
    sale.customer_id,
    sale.order_id,
    min(sale.time) as ordered_at,
    (
        select jsonb_object_agg(paid.currency, portrait.major(paid.amount, paid.currency))
        from (
            select each.currency, sum(each.amount) as amount
            from unnest(array_agg(sale.currency), array_agg(sale.amount)) as each (currency, amount)
            group by each.currency
        ) as paid
    ) as amount_by_currency,
    portrait.major(sum(sale.base), sale.base_currency) as amount,
    sale.base_currency as currency,
    portrait.major(sum(sale.discount), sale.base_currency) as discount,
    sum(sale.coupons)::integer as coupons,
    (array_agg(sale.store order by sale.time, sale.key))[1] as store,
    (array_agg(sale.channel order by sale.time, sale.key))[1] as channel,
    jsonb_path_query_array(jsonb_agg(sale.lines order by sale.time, sale.key), '$[*][*]') as lines,
    count(*)::integer as events,
    (array_agg(sale.key order by sale.time, sale.key))[1] as event_key
from portrait.sales as sale
where sale.amount >= 0
group by sale.customer_id, sale.order_id, case when sale.order_id is null then sale.key end, sale.base_currency;

comment on view crm.orders is
    'One row an order: all purchases of one customer with the same order id; a purchase without one is an order. Without returns.';
comment on column crm.orders.customer_id is 'The living customer; null when nobody could be told.';
comment on column crm.orders.order_id is 'The order id that the channels gave; null when they gave none.';
comment on column crm.orders.ordered_at is 'When the first purchase of it happened.';
comment on column crm.orders.amount_by_currency is 'What was paid as it was paid: {currency: amount in major units}.';
comment on column crm.orders.amount is 'What was paid, in major units of currency; null when no rate was known.';
comment on column crm.orders.currency is 'The base currency of this installation (ISO 4217), the same in every row.';
comment on column crm.orders.discount is 'The discount given, in major units of currency.';
comment on column crm.orders.coupons is 'How many coupons were used.';
comment on column crm.orders.store is 'The store of the first purchase: a store id, or web.';
comment on column crm.orders.channel is 'The channel of the first purchase.';
comment on column crm.orders.lines is 'The lines: an array of {sku, name, category, quantity, amount}, amount as paid for the line.';
comment on column crm.orders.events is 'How many events told of it.';
comment on column crm.orders.event_key is 'The first of these events: crm.events.key.';

create view crm.returns as
select
    sale.customer_id,
    sale.time as returned_at,
    portrait.major(sale.amount, sale.currency) as amount_as_paid,
    sale.currency as currency_as_paid,
    portrait.major(sale.base, sale.base_currency) as amount,
    sale.base_currency as currency,
    sale.store,
    sale.channel,
    sale.lines,
    sale.key as event_key
from portrait.sales as sale
where sale.amount < 0;

comment on view crm.returns is 'One row each time that goods were brought back. Amounts are negative.';
comment on column crm.returns.customer_id is 'The living customer; null when nobody could be told.';
comment on column crm.returns.returned_at is 'When it happened.';
comment on column crm.returns.amount_as_paid is 'What was paid back, negative, in major units of currency_as_paid.';
comment on column crm.returns.currency_as_paid is 'The currency that it was paid back in (ISO 4217).';
comment on column crm.returns.amount is 'The same in currency; null when no rate was known.';
comment on column crm.returns.currency is 'The base currency of this installation (ISO 4217), the same in every row.';
comment on column crm.returns.store is 'The store: a store id, or web.';
comment on column crm.returns.channel is 'The channel: the first word of the event''s type.';
comment on column crm.returns.lines is 'The lines: an array of {sku, name, category, quantity, amount}, negative.';
comment on column crm.returns.event_key is 'The event: crm.events.key.';

create view crm.rejected_events as
select
    rejected_at, reason, path, message, origin, topic, source, event_id,
    case when (select crm.sees_personal_data()) then payload end as payload,
    case when (select crm.sees_personal_data()) then key end as key,
    replayed_at, replayed_as
from portrait.rejected;

comment on view crm.rejected_events is 'Every event that was refused, and why.';
comment on column crm.rejected_events.rejected_at is 'When it was refused.';
comment on column crm.rejected_events.reason is 'Why: one of a fixed list of codes (schemas/rejected.py).';
comment on column crm.rejected_events.path is 'What is wrong: a JSON path in the event.';
comment on column crm.rejected_events.message is 'What is wrong, for people.';
comment on column crm.rejected_events.origin is 'Where it was received: TOPIC/PARTITION/OFFSET or collector/REQUEST/INDEX.';
comment on column crm.rejected_events.topic is 'The topic that it is sent to when it has been repaired.';
comment on column crm.rejected_events.source is 'Who sent it, if that could be read.';
comment on column crm.rejected_events.event_id is 'The sender''s id of it, if that could be read.';
comment on column crm.rejected_events.payload is 'Personal. The original bytes; masked: null.';
comment on column crm.rejected_events.key is 'Personal. The original key in Kafka; masked: null.';
comment on column crm.rejected_events.replayed_at is 'When it was sent again; null while it was not.';
comment on column crm.rejected_events.replayed_as is 'The origin of what was sent again.';
