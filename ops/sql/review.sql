-- One review. Parameter: number.
select id, kind, a, nullif(b, ''), message, score, opened_at, closed_at, outcome from portrait.reviews where id = %(number)s for update
