-- Enter a judgement, and mark what it is about to be settled. Parameters: kind, left, right, by, why.
with judged as (
    insert into portrait.judgements (kind, left_side, right_side, by, why)
    values (%(kind)s, %(left)s, %(right)s, %(by)s, %(why)s)
    returning id, left_side || right_side as about
), marked as (
    insert into portrait.unsettled (identifier, judged) select unnest(about), true from judged
)
select id from judged
