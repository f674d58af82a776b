-- Lock the position of a partition until commit; a zombie waits here, and then sees that its records are old.
select next_offset
from portrait.positions
where topic = %(topic)s and partition = %(partition)s
for update
