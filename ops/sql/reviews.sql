-- What people should look at, the oldest first. Parameters: all (closed ones, too), kind (null for every one), limit.
select review.id, review.kind, review.a, nullif(review.b, ''), review.message, review.score, review.opened_at, review.closed_at,
       review.outcome, one.customer_id::text, other.customer_id::text
from portrait.reviews as review
left join portrait.identifiers as one on one.node = portrait.node_of(review.a)
left join portrait.identifiers as other on review.b <> '' and other.node = portrait.node_of(review.b)
where (%(all)s or review.closed_at is null) and (%(kind)s::text is null or review.kind = %(kind)s)
order by review.closed_at nulls first, review.id
limit %(limit)s
