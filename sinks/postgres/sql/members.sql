-- Every node of these identifiers. Parameters: identifiers; values, what is behind their kinds, by which there is an index.
select identifier, since, customer_id::text, standing, why
from portrait.identifiers
where substr(identifier, strpos(identifier, ':') + 1) = any (%(values)s::text[]) and identifier = any (%(identifiers)s::text[])
