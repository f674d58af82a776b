-- Those of these identifiers that are marked to be settled. Parameter: identifiers.
select distinct identifier from portrait.unsettled where identifier = any (%(identifiers)s::text[])
