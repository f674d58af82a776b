-- An id that stands for two records.
select id from stated group by id having count(*) > 1 order by id limit 1
