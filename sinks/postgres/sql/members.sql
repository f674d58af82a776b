-- Every node of these identifiers. Parameters: identifiers; values, what is behind their kinds, by which there is an index. As to
-- `offset`, see orders_counted.
select known.identifier, known.since, known.customer_id::text, known.standing, known.why
from unnest(%(identifiers)s::text[], %(values)s::text[]) as asked (identifier, value)
cross join lateral (
    select * from portrait.identifiers
    where substr(identifier, strpos(identifier, ':') + 1) = asked.value and identifier = asked.identifier
    offset 0
) as known
