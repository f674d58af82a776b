-- The origins of dead letters that were never sent again, the oldest first. Null parameters do not filter: reason, source, since;
-- limit.
select origin
from portrait.rejected
where replayed_at is null
  and (%(reason)s::text is null or reason = %(reason)s)
  and (%(source)s::text is null or source = %(source)s)
  and (%(since)s::timestamptz is null or rejected_at >= %(since)s)
order by rejected_at, origin
limit %(limit)s
