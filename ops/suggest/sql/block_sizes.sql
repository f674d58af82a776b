-- How many blocks there are of each size, of what is blocked by {block}: size (records), blocks.
select size, count(*) as blocks
from (select count(*) as size from compared where {block} is not null group by {block})
where size > 1
group by size
order by size
