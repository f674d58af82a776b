-- Members enter and leave segments; each change becomes one row, and the relay is told once of all those of a customer. Parameters: customers, segments,
-- families, actions, reasons, versions (of the rules), backfills, arrays in the same order; at; unmoved, customers to pass over.
with change as (
    select change.customer_id, segment,
        case when change.family <> '' then change.family else coalesce((
            select family from portrait.memberships as known
            where known.customer_id = change.customer_id and known.segment = change.segment
        ), '') end as family,
        action, change.reason, change.rule_version, backfill
    from unnest(%(customers)s::uuid[], %(segments)s::text[], %(families)s::text[], %(actions)s::text[], %(reasons)s::text[],
                %(versions)s::integer[], %(backfills)s::boolean[]) as change (customer_id, segment, family, action, reason, rule_version, backfill)
    where change.customer_id <> all (%(unmoved)s::uuid[])
), ended as (
    delete from portrait.memberships as membership using change
    where change.action = 'left' and membership.customer_id = change.customer_id and membership.segment = change.segment
), begun as (
    insert into portrait.memberships (customer_id, segment, family, since, reason, rule_version)
    select customer_id, segment, family, %(at)s, reason, rule_version from change where action = 'entered'
    order by customer_id, segment
    on conflict (customer_id, segment) do nothing
), told as (
    insert into portrait.segment_changes (customer_id, segment, family, action, at, reason, rule_version, backfill)
    select customer_id, segment, family, action, %(at)s, reason, rule_version, backfill from change
    order by customer_id, action desc, segment
    returning id, customer_id
)
insert into portrait.outbox (customer_id, first_change_id, change_id)
select customer_id, min(id), max(id) from told group by customer_id order by min(id)
