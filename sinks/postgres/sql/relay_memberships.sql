-- The segments that these customers are in. Parameter: customers.
select customer_id::text, segment, family, since, reason, rule_version
from portrait.memberships
where customer_id = any (%(customers)s::uuid[])
order by segment collate "C"
