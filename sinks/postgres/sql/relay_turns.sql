-- Changes of identity. Parameter: turns.
select id, action, customer_id::text, other_id::text, at, reason
from portrait.identity_changes
where id = any (%(turns)s::bigint[])
