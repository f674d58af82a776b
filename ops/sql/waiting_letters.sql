-- The origins of dead letters of one reason that were never sent again, the oldest first. Parameters: reason, limit.
select origin
from portrait.rejected
where reason = %(reason)s and replayed_at is null
order by rejected_at, origin
limit %(limit)s
