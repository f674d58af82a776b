-- What came later settled these. Parameters: a, b, arrays in the same order; at.
update portrait.reviews as review
set closed_at = %(at)s, outcome = 'settled'
from unnest(%(a)s::text[], %(b)s::text[]) as settled (a, b)
where review.kind = 'refused' and review.a = settled.a and review.b = settled.b and review.closed_at is null
