-- The origins of dead letters of one reason that were never sent again, the oldest first. Parameters: reason; source, null for any;
-- limit.
select origin
from portrait.rejected
where reason = %(reason)s and replayed_at is null and (%(source)s::text is null or source = %(source)s)
order by rejected_at, origin
limit %(limit)s
