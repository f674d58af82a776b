-- Whether an e-mail was sent. Parameters: target, change.
select exists (select from portrait.told where target_id = %(target)s and change_id = %(change)s)
