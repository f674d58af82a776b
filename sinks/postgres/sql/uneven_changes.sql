-- Where the changes of a customer do not lead to where it is: (customer, segment, entries less exits, 1 if it is a member). A segment
-- of the customer's row and its membership are the same thing said twice.
with change as (
    select customer_id, segment, sum(case action when 'entered' then 1 else -1 end) as entered
    from portrait.segment_changes
    group by customer_id, segment
), served as (
    select id as customer_id, segment from portrait.customers cross join lateral unnest(segments) as named (segment)
)
select
    customer_id::text, segment, coalesce(change.entered, 0)::integer,
    (membership.segment is not null)::integer + (served.segment is not null)::integer
from change
full join portrait.memberships as membership using (customer_id, segment)
full join served using (customer_id, segment)
where (coalesce(change.entered, 0), membership.segment is not null, served.segment is not null)
    not in ((1, true, true), (0, false, false))
