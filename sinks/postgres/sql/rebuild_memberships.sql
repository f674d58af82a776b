-- Let memberships follow the segments of the customers. Parameters: at, family, version.
with member as (
    select id as customer_id, unnest(segments) as segment from portrait.customers
), gone as (
    delete from portrait.memberships as membership
    using portrait.customers as stored
    where membership.customer_id = stored.id and not membership.segment = any (stored.segments)
    returning membership.customer_id, membership.segment, membership.family, membership.rule_version
), come as (
    insert into portrait.memberships (customer_id, segment, family, since, reason, rule_version)
    select customer_id, segment, %(family)s, %(at)s, 'folded afresh', %(version)s from member
    on conflict (customer_id, segment) do nothing
    returning customer_id, segment, family, rule_version
)
insert into portrait.segment_changes (customer_id, segment, family, action, at, reason, rule_version)
select customer_id, segment, family, 'left', %(at)s::timestamptz, 'folded afresh', rule_version from gone
union all
select customer_id, segment, family, 'entered', %(at)s::timestamptz, 'folded afresh', rule_version from come
