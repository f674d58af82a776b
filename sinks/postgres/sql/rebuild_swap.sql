-- Replace what is stored by what was folded afresh (incoming, fresh_identifiers, fresh_links), touching only what differs.
-- Parameter: at. Returns how many customers changed and how many ended.
with wrong as (
    select event.key, fresh.customer_id
    from portrait.events as event
    left join portrait.aliases as alias on alias.alias_id = event.customer_id
    left join fresh_identifiers as fresh
        on fresh.identifier = (event.body::json #>> '{identifiers,0,0}') || ':' || (event.body::json #>> '{identifiers,0,1}')
    where coalesce(alias.customer_id, event.customer_id) is distinct from fresh.customer_id
)
update portrait.events as event set customer_id = wrong.customer_id from wrong where event.key = wrong.key;

create temporary table ended on commit drop as
select stored.id, (
    select fresh.customer_id
    from portrait.identifiers as known join fresh_identifiers as fresh using (identifier)
    where known.customer_id = stored.id order by fresh.customer_id limit 1
) as survivor
from portrait.customers as stored
where not exists (select from incoming where incoming.id = stored.id);

insert into portrait.outbox (customer_id) select id from ended;
delete from portrait.memberships using ended where customer_id = ended.id;
delete from portrait.customers as stored using ended where stored.id = ended.id;
insert into portrait.aliases (alias_id, customer_id, merged_at)
select id, survivor, %(at)s from ended where survivor is not null and survivor <> id
on conflict (alias_id) do update set customer_id = excluded.customer_id;
update portrait.aliases as alias set customer_id = ended.survivor
from ended where alias.customer_id = ended.id and ended.survivor is not null;
delete from portrait.aliases as alias using incoming where alias.alias_id = incoming.id;
delete from portrait.aliases as alias
where not exists (select from incoming where incoming.id = alias.customer_id);

delete from portrait.identifiers as known
where not exists (select from fresh_identifiers as fresh where fresh.identifier = known.identifier);
insert into portrait.identifiers as known (identifier, customer_id)
select identifier, customer_id from fresh_identifiers
on conflict (identifier) do update set customer_id = excluded.customer_id
where known.customer_id <> excluded.customer_id;

delete from portrait.links as kept
where not exists (select from fresh_links as fresh where fresh.a = kept.a and fresh.b = kept.b);
insert into portrait.links as kept (a, b, time, key, rule)
select distinct on (a, b) a, b, to_timestamp(time / 1000.0), key, rule from fresh_links order by a, b, time, key
on conflict (a, b) do update set time = excluded.time, key = excluded.key, rule = excluded.rule
where (kept.time, kept.key) <> (excluded.time, excluded.key);

delete from incoming using portrait.customers as stored
where stored.id = incoming.id and stored.state::jsonb = incoming.state::jsonb and stored.lifecycle = incoming.lifecycle
    and (stored.revenue, stored.orders, stored.events, stored.points) =
        (incoming.revenue::numeric, incoming.orders, incoming.events, incoming.points)
    and stored.full_name is not distinct from incoming.full_name and stored.email is not distinct from incoming.email
    and stored.phone is not distinct from incoming.phone
