-- Where the last change does not lead to where a customer is: (customer, segment, that change, how many of its own row and the
-- membership say that it is in it).
with change as (
    select distinct on (customer_id, segment) customer_id, segment, action
    from portrait.segment_changes
    order by customer_id, segment, id desc
), served as (
    select id as customer_id, segment from portrait.customers cross join lateral unnest(segments) as named (segment)
)
select
    customer_id::text, segment, coalesce(change.action, 'never entered'),
    (membership.segment is not null)::integer + (served.segment is not null)::integer
from change
full join portrait.memberships as membership using (customer_id, segment)
full join served using (customer_id, segment)
where (coalesce(change.action = 'entered', false), membership.segment is not null, served.segment is not null)
    not in ((true, true, true), (false, false, false))
