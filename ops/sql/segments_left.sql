-- The segments that a customer was in last and is in no more, the latest first. Parameters: id, most.
select segment, family, since, until, reason, rule_version
from crm.segment_history
where customer_id = %(id)s::uuid and until is not null
order by until desc, segment
limit %(most)s
