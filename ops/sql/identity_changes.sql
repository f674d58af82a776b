-- What was told of ids that lead to this customer, the oldest first. Parameter: id.
select action, customer_id::text, other_id::text, at, reason
from portrait.identity_changes
where customer_id = %(id)s::uuid or other_id = %(id)s::uuid
order by id
