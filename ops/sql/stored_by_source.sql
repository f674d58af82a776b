-- How many events of each CloudEvents source are stored.
select source, count(*) from portrait.events group by source
