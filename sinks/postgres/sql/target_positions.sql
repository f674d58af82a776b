-- How far a target is. Parameter: target.
select partition, next_offset from portrait.target_positions where target_id = %(target)s
