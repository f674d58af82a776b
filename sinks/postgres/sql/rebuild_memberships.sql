-- Let memberships follow the segments of the customers. Parameters: at; segments, families, versions, arrays in
-- the same order.
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
    returning membership.customer_id, membership.segment, membership.family, membership.rule_version
), come as (
    insert into portrait.memberships (customer_id, segment, family, since, reason, rule_version)
    select customer_id, segment, family, %(at)s, 'folded afresh', version from member
    on conflict (customer_id, segment) do nothing
    returning customer_id, segment, family, rule_version
)
insert into portrait.segment_changes (customer_id, segment, family, action, at, reason, rule_version, backfill)
select customer_id, segment, family, 'left', %(at)s::timestamptz, 'folded afresh', rule_version, true from gone
union all
select customer_id, segment, family, 'entered', %(at)s::timestamptz, 'folded afresh', rule_version, true from come
