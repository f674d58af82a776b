-- Dead letters of an event: those whose id could be read. Parameters: id; source, null for any; limit.
select source, origin, reason, path, message, rejected_at, topic, replayed_at, replayed_as
from portrait.rejected
where event_id = %(id)s and (%(source)s::text is null or source is null or source = %(source)s)
order by rejected_at desc, origin
limit %(limit)s
