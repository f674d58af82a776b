-- What came of sending a dead letter again. Parameters: letter, delivered, reason.
update portrait.undelivered
set attempts = attempts + 1,
    resent_at = case when %(delivered)s then now() end,
    reason = coalesce(%(reason)s, reason)
where id = %(letter)s
