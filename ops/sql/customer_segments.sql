-- The segments a customer is in, since when, why, and by which version of the rules. Parameter: id.
select segment, family, since, null, reason, rule_version
from portrait.memberships
where customer_id = %(id)s::uuid
order by family <> 'lifecycle', segment
