-- Go on where it was. Parameter: target.
update portrait.targets
set paused_at = null, paused_because = null, failing_since = null, problem = null where id = %(target)s
