-- Note that a target fails, and why; return since when (Unix seconds). Parameters: target, problem.
update portrait.targets set failing_since = coalesce(failing_since, now()), problem = %(problem)s
where id = %(target)s
returning extract(epoch from failing_since)::float8
