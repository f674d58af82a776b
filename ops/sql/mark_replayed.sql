-- Note where dead letters were sent again. Parameters: origins, replayed_as, arrays in the same order.
update portrait.rejected as letter
set replayed_at = now(), replayed_as = sent.replayed_as
from unnest(%(origins)s::text[], %(replayed_as)s::text[]) as sent (origin, replayed_as)
where letter.origin = sent.origin
