-- How many dead letters there are by reason, and how many of them were never sent again. Parameters as in letters.sql.
select reason, count(*), count(*) filter (where replayed_at is null)
from portrait.rejected
where (%(reason)s::text is null or reason = %(reason)s)
  and (%(source)s::text is null or source = %(source)s)
  and (%(since)s::timestamptz is null or rejected_at >= %(since)s)
group by reason
order by count(*) desc, reason
