-- These are settled beside the stream. Parameter: marks.
update portrait.unsettled set large = true where id = any (%(marks)s::bigint[])
