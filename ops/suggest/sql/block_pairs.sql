-- How many pairs have the same value in {column} and are in one block by {block}.
select coalesce(sum(size * (size - 1) // 2), 0)
from (select count(*) as size from compared where {column} is not null and {block} is not null group by {column}, {block})
