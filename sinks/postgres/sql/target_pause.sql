-- Tell a target nothing until it is resumed. Parameters: target (an id), because (null: a person did it).
update portrait.targets
set paused_at = coalesce(paused_at, now()), paused_because = coalesce(paused_because, %(because)s),
    problem = coalesce(%(because)s, problem)
where id = %(target)s
