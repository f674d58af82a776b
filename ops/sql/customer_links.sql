-- The links of a customer's identifiers: both ends, since when, the rule, whether it holds, whose the other end is, and the event.
-- Parameter: id.
select link.a, link.b, link.time, link.rule, coalesce(link.refused, case when 3 in (known.standing, other.standing) then 'quarantined' end),
       coalesce(link.refused_because, case when known.standing = 3 then known.why when other.standing = 3 then other.why end),
       other.customer_id::text, event.type, event.source, event.id
from portrait.identifiers as known
join portrait.links as link on link.a = known.identifier
left join portrait.identifiers as other on other.node = portrait.node_of(link.b)
left join portrait.events as event on event.key = link.key
where known.customer_id = %(id)s::uuid
union
select link.a, link.b, link.time, link.rule, coalesce(link.refused, case when 3 in (known.standing, other.standing) then 'quarantined' end),
       coalesce(link.refused_because, case when known.standing = 3 then known.why when other.standing = 3 then other.why end),
       other.customer_id::text, event.type, event.source, event.id
from portrait.identifiers as known
join portrait.links as link on link.b = known.identifier
left join portrait.identifiers as other on other.node = portrait.node_of(link.a)
left join portrait.events as event on event.key = link.key
where known.customer_id = %(id)s::uuid
order by 3, 1, 2
limit %(limit)s
