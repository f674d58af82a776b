-- Portraits know the newest 400 purchases and returns: (time, amount), the oldest first.

with entry as (
    select
        known.customer_id,
        (event.body::jsonb ->> 'time')::bigint as time,
        coalesce((event.body::jsonb -> 'purchase' ->> 'base')::bigint, 0) as amount,
        (event.body::jsonb -> 'purchase' ->> 'amount')::bigint as paid
    from portrait.events as event
    join portrait.identifiers as known on known.node = event.node
    where known.customer_id is not null and event.body::jsonb -> 'purchase' is not null
), newest as (
    select customer_id, time, sum(amount) as amount,
        row_number() over (partition by customer_id order by time desc, (paid >= 0) desc) as place
    from entry
    where paid >= 0 or amount < 0
    group by customer_id, time, paid >= 0
), recent as (
    select customer_id, jsonb_agg(jsonb_build_array(time, amount) order by time, amount) as entries
    from newest
    where place <= 400
    group by customer_id
)
update portrait.customers as stored
set state = (stored.state::jsonb || jsonb_build_object('recent', recent.entries))::text
from recent
where stored.id = recent.customer_id;

-- How far everybody was evaluated by rules, named by their digest.
create table portrait.sweeps (
    digest      text primary key,
    after       uuid not null default '00000000-0000-0000-0000-000000000000',
    begun_at    timestamptz not null default now(),
    finished_at timestamptz
);
comment on table portrait.sweeps is 'How far everybody was evaluated by new rules of segments: up to which customer, by id.';
grant select, insert, update on portrait.sweeps to portrait_worker;

alter table portrait.segment_changes add column backfill boolean not null default false;
create or replace view crm.segment_changes as
select id as change_id, customer_id, segment, family, action, at, reason, rule_version, backfill from portrait.segment_changes;
comment on column crm.segment_changes.backfill is
    'The rules changed, or history was loaded: the customer did nothing just now, so do not congratulate anybody.';
