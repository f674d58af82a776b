-- Every link that has one of these identifiers at either end. Parameter: identifiers. As to `offset`, see orders_counted.
select link.a, link.b, floor(extract(epoch from link.time) * 1000)::bigint, replace(link.key::text, '-', ''), link.rule, link.last
from unnest(%(identifiers)s::text[]) as asked (identifier)
cross join lateral (select * from portrait.links where a = asked.identifier offset 0) as link
union
select link.a, link.b, floor(extract(epoch from link.time) * 1000)::bigint, replace(link.key::text, '-', ''), link.rule, link.last
from unnest(%(identifiers)s::text[]) as asked (identifier)
cross join lateral (select * from portrait.links where b = asked.identifier offset 0) as link
