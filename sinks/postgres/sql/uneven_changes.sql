-- Where the changes do not lead to where a customer is, or one was told again without its opposite in between: (customer, segment,
-- the last change, how many of its own row and the membership say that it is in it, how often a change was told again).
with told as (
    select
        customer_id, segment, action,
        action = lag(action, 1, 'left') over earlier as again,
        lead(id) over earlier is null as latest
    from portrait.segment_changes
    window earlier as (partition by customer_id, segment order by id)
), change as (
    select customer_id, segment, max(action) filter (where latest) as action, count(*) filter (where again) as again
    from told
    group by customer_id, segment
), served as (
    select id as customer_id, segment from portrait.customers cross join lateral unnest(segments) as named (segment)
)
select
    customer_id::text as customer, segment, coalesce(change.action, 'never entered'),
    (membership.segment is not null)::integer + (served.segment is not null)::integer,
    coalesce(change.again, 0)
from change
full join portrait.memberships as membership using (customer_id, segment)
full join served using (customer_id, segment)
where (coalesce(change.action = 'entered', false), membership.segment is not null, served.segment is not null)
    not in ((true, true, true), (false, false, false)) or change.again > 0
order by customer_id, segment
