-- Who is in these segments or families, all when none are named, with the state if it is wanted.
-- Parameters: names, with_state.
select member.customer_id::text, member.segment, member.since, member.reason,
       case when %(with_state)s then customer.state end
from portrait.memberships as member
join portrait.customers as customer on customer.id = member.customer_id
where %(names)s::text[] = '{}' or member.segment = any (%(names)s::text[]) or member.family = any (%(names)s::text[])
order by member.segment, member.customer_id
