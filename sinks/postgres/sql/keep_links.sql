-- Keep, of each pair of identifiers, the earliest event that linked them. Parameters: a, b, times (Unix ms), keys, rules, arrays in
-- the same order. Most links are known: to leave them out beforehand spares locking their rows, which `on conflict` would.
with link as (
    select a, b, to_timestamp(time / 1000.0) as time, key, rule
    from unnest(%(a)s::text[], %(b)s::text[], %(times)s::bigint[], %(keys)s::uuid[], %(rules)s::text[])
        as link (a, b, time, key, rule)
)
insert into portrait.links as kept (a, b, time, key, rule)
select a, b, time, key, rule
from link
where not exists (
    select from portrait.links as known
    where known.a = link.a and known.b = link.b and (known.time, known.key) <= (link.time, link.key)
)
order by a collate "C", b collate "C"
on conflict (a, b) do update set time = excluded.time, key = excluded.key, rule = excluded.rule
where (excluded.time, excluded.key) < (kept.time, kept.key)
