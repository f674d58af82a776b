-- Forget marks. Parameter: marks.
delete from portrait.unsettled where id = any (%(marks)s::bigint[])
