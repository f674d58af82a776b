-- Whether links hold, and why not. Parameters: a, b, codes ('' where it holds), messages, arrays in the same order.
update portrait.links as link
set refused = nullif(settled.code, ''), refused_because = nullif(settled.message, '')
from unnest(%(a)s::text[], %(b)s::text[], %(codes)s::text[], %(messages)s::text[]) as settled (a, b, code, message)
where link.a = settled.a and link.b = settled.b
    and (link.refused, link.refused_because) is distinct from (nullif(settled.code, ''), nullif(settled.message, ''))
