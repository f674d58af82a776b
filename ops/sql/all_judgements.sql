-- The judgements, the newest first. Parameter: limit.
select id, kind, left_side, right_side, at, by, why, undone_at, undone_by from portrait.judgements order by id desc limit %(limit)s
