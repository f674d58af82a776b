-- Take a judgement back, and mark what it is about to be settled. Parameters: number, by.
with undone as (
    update portrait.judgements set undone_at = now(), undone_by = %(by)s
    where id = %(number)s and undone_at is null
    returning id, left_side || right_side as about
), marked as (
    insert into portrait.unsettled (identifier, judged) select unnest(about), true from undone
)
select id from undone
