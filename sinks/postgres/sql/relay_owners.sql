-- The customers of those of these identifiers that are not plain; one that changed hands has several. Parameter: identifiers.
select identifier, coalesce(customer_id::text, '')
from portrait.identifiers
where identifier = any (%(identifiers)s::text[]) and (standing <> 0 or since > 0)
