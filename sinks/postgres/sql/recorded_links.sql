-- Those of these links that are stored. Parameters: a, b, rules, arrays in the same order.
select link.a, link.b, floor(extract(epoch from link.time) * 1000)::bigint, replace(link.key::text, '-', ''), link.rule, link.last
from unnest(%(a)s::text[], %(b)s::text[], %(rules)s::text[]) as asked (a, b, rule)
join portrait.links as link using (a, b, rule)
