-- A target that could not start has started: that is no problem any more. Parameters: target, problem (how such a one begins).
update portrait.targets set failing_since = null, problem = null
where id = %(target)s and starts_with(problem, %(problem)s)
