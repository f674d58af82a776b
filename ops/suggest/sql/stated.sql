-- Records as they come, in the form in which they are compared (ops.suggest.records.Compared).
create table stated (
    id varchar not null, shown varchar, name varchar, sorted varchar, turned varchar, birthday varchar,
    number varchar, road varchar, ward varchar, district varchar, city varchar, province varchar, postcode varchar
)
