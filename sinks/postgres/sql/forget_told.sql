-- Forget what is older than anything that the topic may still hold. Parameter: days.
delete from portrait.told where at < now() - make_interval(days => %(days)s)
