-- Every judgement in force.
select id, kind, left_side, right_side from portrait.judgements where undone_at is null order by id
