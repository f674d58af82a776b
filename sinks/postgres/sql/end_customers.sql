-- Customers live no more: their row ends, and their id leads to another one. What else leads where is told apart from this.
-- Parameters: ended and survivors, arrays in the same order; at.
with pair as (
    select ended, survivor
    from unnest(%(ended)s::uuid[], %(survivors)s::uuid[]) as pair (ended, survivor)
), gone as (
    delete from portrait.customers as customer using pair where customer.id = pair.ended
    returning customer.id, customer.anchor, customer.version, pair.survivor
), left_segments as (
    delete from portrait.memberships as membership using pair
    where membership.customer_id = pair.ended
    returning membership.customer_id, membership.segment, membership.family, membership.rule_version, pair.survivor
), told as (
    insert into portrait.segment_changes (customer_id, segment, family, action, at, reason, rule_version)
    select customer_id, segment, family, 'left', %(at)s, 'became part of customer ' || survivor, rule_version
    from left_segments
    order by customer_id, segment
    returning id, customer_id
), named as (
    insert into portrait.aliases (alias_id, customer_id, merged_at, anchor, version)
    select id, survivor, %(at)s, anchor, version from gone order by id
)
insert into portrait.outbox (customer_id, first_change_id, change_id)
select ended, null::bigint, null::bigint from pair
union all
select customer_id, min(id), max(id) from told group by customer_id
