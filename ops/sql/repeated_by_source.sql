-- How many records of each CloudEvents source repeated a stored event.
select event.source, count(*)
from portrait.duplicates as repeated
join portrait.events as event using (key)
group by event.source
