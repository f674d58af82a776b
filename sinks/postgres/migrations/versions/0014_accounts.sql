-- What the company has recorded of customers: accounts, and who is responsible for them.

create index account_events on portrait.events (time)
where type in ('crm.account_assigned.v1', 'crm.account_unassigned.v1');

create view crm.account_history as
select
    history.customer_id,
    recorded.relation,
    case when history.type = 'crm.account_assigned.v1' then 'assigned' else 'unassigned' end as action,
    history.time as at,
    recorded.owner,
    to_timestamp(recorded.since / 1000.0) as since,
    case when (select crm.sees_personal_data()) then said.note end as note,
    said."by" as recorded_by,
    history.key as event_key
from portrait.history as history
cross join lateral json_to_record(history.body::json) as told (recorded json, data json)
cross join lateral json_to_record(told.recorded) as recorded (relation text, owner text, since bigint)
cross join lateral json_to_record(told.data) as said (note text, "by" text)
where history.type in ('crm.account_assigned.v1', 'crm.account_unassigned.v1');

comment on view crm.account_history is 'Every time that a relation of a customer to the company was recorded as held, or as ended.';
comment on column crm.account_history.customer_id is 'The living customer; null when nobody could be told.';
comment on column crm.account_history.relation is 'key_account, strategic, exchange, project, partner, internal, or one of your own.';
comment on column crm.account_history.action is 'assigned or unassigned.';
comment on column crm.account_history.at is 'When that happened.';
comment on column crm.account_history.owner is 'Who was made responsible, by name; null: nobody.';
comment on column crm.account_history.since is 'Of an assignment, from when on the relation holds.';
comment on column crm.account_history.note is 'Personal. What was noted with it; masked: null.';
comment on column crm.account_history.recorded_by is 'Who recorded it, as stated.';
comment on column crm.account_history.event_key is 'The event: crm.events.key.';

-- Of one instant the end counts as the later one, as in the portrait (processors/relationship.py).
create view crm.accounts as
select latest.customer_id, latest.relation, latest.owner, latest.since, latest.at as assigned_at
from (
    select distinct on (customer_id, relation) customer_id, relation, action, at, owner, since
    from crm.account_history
    order by customer_id, relation, at desc, action = 'unassigned' desc, event_key desc
) as latest
where latest.action = 'assigned' and latest.customer_id is not null;

comment on view crm.accounts is 'The relations that customers have to the company now, and who is responsible. A customer may have several.';
comment on column crm.accounts.customer_id is 'The living customer.';
comment on column crm.accounts.relation is 'key_account, strategic, exchange, project, partner, internal, or one of your own.';
comment on column crm.accounts.owner is 'Who is responsible, by name; null: nobody.';
comment on column crm.accounts.since is 'From when on the relation holds.';
comment on column crm.accounts.assigned_at is 'When it was assigned last, to this owner.';

create or replace function portrait.shown_data(data jsonb) returns jsonb
language sql immutable strict parallel safe
return jsonb_strip_nulls(jsonb_build_object(
    'form', data -> 'form',
    'order', data -> 'order',
    'store_id', data -> 'store_id',
    'basket', data -> 'basket',
    'points', data -> 'points',
    'tier', data -> 'tier',
    'platform', data -> 'platform',
    'action', data -> 'action',
    'utm', data #> '{page,utm}',
    'relation', data -> 'relation',
    'complaint', data -> 'complaint',
    'survey', data -> 'survey',
    'score', data -> 'score',
    'motives', data -> 'motives'
));

comment on column crm.events.channel is
    'The channel: the first word of the type; service for what the company itself records (service.…, crm.…, survey.…).';
comment on column crm.events.data is
    'Personal. What the channel said, declared fields only; masked: only what was bought, where and how, the campaign (utm), and the '
    'relation, complaint or score that was recorded.';
comment on column crm.customers.preferred_channel is
    'The channel of most of the events: web, loyalty, social; what the company itself records does not count.';
