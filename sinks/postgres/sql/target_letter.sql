-- Keep what a target would not take. Parameters: target, change, customer, message, reason, attempts.
with noted as (
    update portrait.targets set problem = %(reason)s where id = %(target)s
)
insert into portrait.undelivered (target_id, change_id, customer_id, message, reason, attempts)
values (%(target)s, %(change)s, %(customer)s, %(message)s, %(reason)s, %(attempts)s)
on conflict (target_id, change_id) do update
set reason = excluded.reason, attempts = excluded.attempts, failed_at = now(), resent_at = null
