-- These bounds are in force, and are computed again at this time. Parameters: bounds, next.
update portrait.rankings set bounds = %(bounds)s::jsonb, next_at = %(next)s
