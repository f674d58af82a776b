-- What is in `batch` comes to the table.
insert into stated select * from batch
