-- Forget dead letters that were delivered since, so many days ago. Parameter: days.
delete from portrait.undelivered where resent_at < now() - make_interval(days => %(days)s)
