-- Of how many records there is a name, a birthday, an address to compare.
select
    count(name), count(birthday),
    count(*) filter (where road is not null or city is not null or ward is not null or postcode is not null)
from compared
