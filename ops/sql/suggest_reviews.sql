-- Ask people whether these are one person, unless that was asked before. Parameters: a, b, messages, scores, arrays in the same order.
insert into portrait.reviews (kind, a, b, message, score, opened_at)
select 'suggested', a, b, message, score, now()
from unnest(%(a)s::text[], %(b)s::text[], %(messages)s::text[], %(scores)s::real[]) as suggested (a, b, message, score)
order by a collate "C", b collate "C"
on conflict (kind, a, b) do update set message = excluded.message, score = excluded.score
returning a, b, outcome
