-- Ask people; what they decided before is not asked again. Parameters: kinds, a, b ('' for none), messages, arrays in the same order; at.
insert into portrait.reviews as known (kind, a, b, message, opened_at)
select kind, a, b, message, %(at)s
from unnest(%(kinds)s::text[], %(a)s::text[], %(b)s::text[], %(messages)s::text[]) as review (kind, a, b, message)
order by kind, a collate "C", b collate "C"
on conflict (kind, a, b) do update
set message = excluded.message, closed_at = null, outcome = null
where known.outcome is null or known.outcome = 'settled'
