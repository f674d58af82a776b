-- Remember which rules fail. Parameters: segments, messages, times, arrays in the same order; at.
insert into portrait.segment_failures as known (segment, message, times, seen_at)
select segment, message, times, %(at)s
from unnest(%(segments)s::text[], %(messages)s::text[], %(times)s::bigint[]) as failure (segment, message, times)
order by segment
on conflict (segment) do update set message = excluded.message, times = excluded.times, seen_at = excluded.seen_at
