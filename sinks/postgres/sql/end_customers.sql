-- Customers become part of survivors: their row ends, their id and the ids that led to it lead to the survivor.
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
), moved_aliases as (
    update portrait.aliases as alias set customer_id = pair.survivor from pair where alias.customer_id = pair.ended
), moved_identifiers as (
    update portrait.identifiers as known set customer_id = pair.survivor from pair where known.customer_id = pair.ended
), named as (
    insert into portrait.aliases (alias_id, customer_id, merged_at, anchor, version)
    select id, survivor, %(at)s, anchor, version from gone order by id
), turned as (
    insert into portrait.identity_changes (action, customer_id, other_id, at, reason)
    select 'merged', ended, survivor, %(at)s, 'an event named identifiers of both' from pair order by ended
    returning id, customer_id
)
insert into portrait.outbox (customer_id, change_id, identity_change_id)
select ended, null::bigint, null::bigint from pair
union all
select customer_id, id, null from told
union all
select customer_id, null, id from turned
