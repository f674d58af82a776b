-- Let memberships follow the segments of the customers, and tell what was not told so before. Parameters: at; segments, families,
-- versions, arrays in the same order.
with known as (
    select segment, family, version
    from unnest(%(segments)s::text[], %(families)s::text[], %(versions)s::integer[]) as known (segment, family, version)
), member as (
    select id as customer_id, named.segment, known.family, known.version
    from portrait.customers cross join lateral unnest(segments) as named (segment) join known using (segment)
), gone as (
    delete from portrait.memberships as membership
    using portrait.customers as stored
    where membership.customer_id = stored.id and not membership.segment = any (stored.segments)
), come as (
    insert into portrait.memberships (customer_id, segment, family, since, reason, rule_version)
    select customer_id, segment, family, %(at)s, 'folded afresh', version from member
    on conflict (customer_id, segment) do nothing
), told as (
    select distinct on (customer_id, segment) customer_id, segment, family, action, rule_version
    from portrait.segment_changes
    order by customer_id, segment, id desc
)
insert into portrait.segment_changes (customer_id, segment, family, action, at, reason, rule_version, backfill)
select customer_id, segment, told.family, 'left', %(at)s::timestamptz, 'folded afresh', told.rule_version, true
from told left join member using (customer_id, segment)
where told.action = 'entered' and member.segment is null
union all
select customer_id, segment, member.family, 'entered', %(at)s::timestamptz, 'folded afresh', member.version, true
from member left join told using (customer_id, segment)
where told.action is distinct from 'entered'
