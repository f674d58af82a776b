-- The same in the order of their ids, which are the only thing that has one, and numbered from 0; with the values by
-- which records are blocked, each missing where a part of it is (ops.suggest.blocks.BLOCKS).
create table compared as
select
    row_number() over (order by id) - 1 as n,
    *,
    number || ' ' || road as door,
    birthday[1:4] || least(birthday[5:6], birthday[7:8]) || greatest(birthday[5:6], birthday[7:8]) as by_birthday,
    sorted as by_name,
    sorted || '|' || birthday[1:4] as by_name_and_year,
    sorted || '|' || coalesce(city, ward, province) as by_name_and_place,
    number || ' ' || road as by_door,
    road || '|' || coalesce(city, ward, province) as by_road_and_place,
    number || '|' || postcode as by_number_and_postcode,
    array_to_string(list_sort([word[1] for word in string_split(sorted, ' ')]), '')
        || '|' || coalesce(postcode, ward, city) as by_initials_and_place
from stated
order by id
