-- The living customers that are known by any of these. Parameter: identifiers, an array of KIND:VALUE.
select identifier, customer_id::text from portrait.identifiers where identifier = any(%(identifiers)s) order by identifier
