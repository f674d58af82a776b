-- Replace what is stored by what was decided and folded afresh (incoming, fresh_identifiers, fresh_links, fresh_nodes, fresh_names),
-- touching only what differs. Parameter: at.
update portrait.events as event set node = moved.node from fresh_nodes as moved where event.key = moved.key;

with before as (
    select id, id as customer_id from portrait.customers
    union all
    select alias_id, customer_id from portrait.aliases
), told as (
    insert into portrait.identity_changes (action, customer_id, other_id, at, reason)
    select case when fresh.customer_id = fresh.id then 'split' when before.customer_id = fresh.id then 'merged' else 'moved' end,
           fresh.id, case when fresh.customer_id = fresh.id then before.customer_id else fresh.customer_id end, %(at)s,
           'decided afresh'
    from before join fresh_names as fresh using (id)
    where fresh.customer_id <> before.customer_id
    order by fresh.id
    returning id, customer_id
)
insert into portrait.outbox (customer_id, identity_change_id) select customer_id, id from told;

create temporary table revived on commit drop as
select alias_id as id, version from portrait.aliases join incoming on incoming.id = alias_id;

create temporary table ended on commit drop as
select stored.id, stored.version, fresh.customer_id as survivor
from portrait.customers as stored
left join fresh_names as fresh on fresh.id = stored.id
where not exists (select from incoming where incoming.id = stored.id);

insert into portrait.outbox (customer_id) select id from ended;
delete from portrait.memberships using ended where customer_id = ended.id;
delete from portrait.customers as stored using ended where stored.id = ended.id;
insert into portrait.aliases as alias (alias_id, customer_id, merged_at, anchor, version)
select fresh.id, fresh.customer_id, %(at)s, fresh.anchor, coalesce(ended.version, 0)
from fresh_names as fresh left join ended on ended.id = fresh.id
where fresh.id <> fresh.customer_id
on conflict (alias_id) do update
set customer_id = excluded.customer_id, anchor = excluded.anchor, version = greatest(alias.version, excluded.version)
where (alias.customer_id, alias.anchor) is distinct from (excluded.customer_id, excluded.anchor);
delete from portrait.aliases as alias
where not exists (select from fresh_names as fresh where fresh.id = alias.alias_id and fresh.id <> fresh.customer_id);
update portrait.customers as stored set anchor = fresh.anchor
from fresh_names as fresh where fresh.id = stored.id and stored.anchor is distinct from fresh.anchor;

delete from portrait.identifiers as known
where not exists (select from fresh_identifiers as fresh where fresh.node = known.node);
insert into portrait.identifiers as known (node, identifier, since, customer_id, standing, why)
select node, identifier, since, customer_id, standing, why from fresh_identifiers
on conflict (node) do update
set customer_id = excluded.customer_id, standing = excluded.standing, why = excluded.why
where (known.customer_id, known.standing, known.why) is distinct from (excluded.customer_id, excluded.standing, excluded.why);

delete from portrait.links as kept
where not exists (select from fresh_links as fresh where fresh.a = kept.a and fresh.b = kept.b and fresh.rule = kept.rule);
insert into portrait.links as kept (a, b, time, key, rule, last, refused, refused_because)
select a, b, to_timestamp(time / 1000.0), key, rule, last, refused, refused_because from fresh_links
on conflict (a, b, rule) do update
set time = excluded.time, key = excluded.key, last = excluded.last, refused = excluded.refused,
    refused_because = excluded.refused_because
where (kept.time, kept.key, kept.last, kept.refused, kept.refused_because) is distinct from
    (excluded.time, excluded.key, excluded.last, excluded.refused, excluded.refused_because);

insert into portrait.reviews as known (kind, a, b, message, opened_at)
select 'refused', a, b, min(refused_because), %(at)s from fresh_links where refused in ('limit', 'told_apart', 'device') group by a, b
on conflict (kind, a, b) do update set message = excluded.message, closed_at = null, outcome = null where known.outcome = 'settled';
update portrait.reviews as review set closed_at = %(at)s, outcome = 'settled'
where review.kind in ('refused', 'too_large') and review.closed_at is null
    and not exists (select from fresh_links as fresh where fresh.a = review.a and fresh.b = review.b and fresh.refused is not null);
delete from portrait.unsettled;

delete from incoming using portrait.customers as stored
where stored.id = incoming.id and stored.state::jsonb = incoming.state::jsonb and stored.segments = incoming.segments
    and (stored.revenue, stored.orders, stored.events, stored.points) =
        (incoming.revenue::numeric, incoming.orders, incoming.events, incoming.points)
    and stored.year_revenue = incoming.year_revenue
    and stored.full_name is not distinct from incoming.full_name and stored.email is not distinct from incoming.email
    and stored.phone is not distinct from incoming.phone
