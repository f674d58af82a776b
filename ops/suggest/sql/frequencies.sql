-- How common each value of {column} is, as if there were {kinds} more records with a value each. One of those that have a
-- value is the person itself, so that of two records with a rare value, one has it by chance.
create table frequency_of_{column} as
select {column}, (greatest(count(*), 2) - 1) / (sum(count(*)) over () + {kinds}) as tf_{column}
from compared
where {column} is not null
group by {column}
