-- How many records there are.
select count(*) from compared
