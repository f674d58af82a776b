-- One judgement. Parameter: number.
select id, kind, left_side, right_side, at, by, why, undone_at, undone_by from portrait.judgements where id = %(number)s
