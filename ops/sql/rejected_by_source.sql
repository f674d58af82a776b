-- How many dead letters there are of each CloudEvents source (null: none could be read), by reason.
select source, reason, count(*) from portrait.rejected group by source, reason
