-- Move a position. It never moves back.
update portrait.positions
set next_offset = greatest(next_offset, %(next)s), updated_at = now()
where topic = %(topic)s and partition = %(partition)s
