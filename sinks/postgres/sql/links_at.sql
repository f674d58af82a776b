-- Every link that has one of these identifiers at either end. Parameter: identifiers.
select a, b, floor(extract(epoch from time) * 1000)::bigint, replace(key::text, '-', ''), rule, last
from portrait.links where a = any (%(identifiers)s::text[])
union
select a, b, floor(extract(epoch from time) * 1000)::bigint, replace(key::text, '-', ''), rule, last
from portrait.links where b = any (%(identifiers)s::text[])
