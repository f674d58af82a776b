-- Every attempt to send a dead letter again, the first one first. Parameter: origin.
select at, by, patch, outcome, detail from portrait.rejected_attempts where origin = %(origin)s order by number
