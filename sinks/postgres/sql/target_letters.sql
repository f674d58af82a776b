-- Dead letters, the newest first. Parameters: target (null: of all), limit, waiting (whether only those never delivered since).
select letter.id, target.name, letter.change_id, letter.customer_id, letter.message, letter.reason, letter.attempts,
       letter.failed_at, letter.resent_at
from portrait.undelivered as letter
join portrait.targets as target on target.id = letter.target_id
where (%(target)s::bigint is null or letter.target_id = %(target)s) and (not %(waiting)s or letter.resent_at is null)
order by letter.id desc
limit %(limit)s
