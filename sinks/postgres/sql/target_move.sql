-- How far a target is from now on. Parameters: target; partitions, offsets, arrays in the same order.
insert into portrait.target_positions (target_id, partition, next_offset)
select %(target)s, moved.partition, moved.next_offset
from unnest(%(partitions)s::integer[], %(offsets)s::bigint[]) as moved (partition, next_offset)
on conflict (target_id, partition) do update set next_offset = excluded.next_offset
