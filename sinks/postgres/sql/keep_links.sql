-- Keep, of each pair of identifiers and rule, the earliest event that linked them, and the last period in which one did.
-- Parameters: a, b, times (Unix ms), keys, rules, lasts, arrays in the same order. Most links are known: to leave them out beforehand
-- spares locking their rows, which `on conflict` would.
with link as (
    select a, b, to_timestamp(time / 1000.0) as time, key, rule, last
    from unnest(%(a)s::text[], %(b)s::text[], %(times)s::bigint[], %(keys)s::uuid[], %(rules)s::text[], %(lasts)s::integer[])
        as link (a, b, time, key, rule, last)
)
insert into portrait.links as kept (a, b, time, key, rule, last)
select a, b, time, key, rule, last
from link
where not exists (
    select from portrait.links as known
    where known.a = link.a and known.b = link.b and known.rule = link.rule
        and (known.time, known.key) <= (link.time, link.key) and known.last >= link.last
)
order by a collate "C", b collate "C", rule
on conflict (a, b, rule) do update
set time = case when (excluded.time, excluded.key) < (kept.time, kept.key) then excluded.time else kept.time end,
    key = case when (excluded.time, excluded.key) < (kept.time, kept.key) then excluded.key else kept.key end,
    last = greatest(kept.last, excluded.last)
