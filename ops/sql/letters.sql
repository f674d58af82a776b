-- Dead letters without their payload, the newest first. Null parameters do not filter: reason, source, since; limit.
select
    origin, reason, path, message, rejected_at, event_id, source, topic, octet_length(payload), replayed_at, replayed_as
from portrait.rejected
where (%(reason)s::text is null or reason = %(reason)s)
  and (%(source)s::text is null or source = %(source)s)
  and (%(since)s::timestamptz is null or rejected_at >= %(since)s)
order by rejected_at desc, origin
limit %(limit)s
