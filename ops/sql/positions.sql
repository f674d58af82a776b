-- Where reading of each partition began, and the next offset to apply.
select topic, partition, first_offset, next_offset from portrait.positions
