-- One dead letter. Parameter: origin.
select
    origin, reason, path, message, rejected_at, event_id, source, topic, octet_length(payload), replayed_at, replayed_as,
    payload
from portrait.rejected
where origin = %(origin)s
