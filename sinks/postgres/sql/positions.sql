-- Every stored position.
select topic, partition, next_offset from portrait.positions
