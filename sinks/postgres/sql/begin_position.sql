-- Remember where reading of a partition begins, unless it is remembered already.
insert into portrait.positions (topic, partition, first_offset, next_offset)
values (%(topic)s, %(partition)s, %(first)s, %(first)s)
on conflict (topic, partition) do nothing
