-- How many reviews of each kind are open.
select kind, count(*) from portrait.reviews where closed_at is null group by kind order by kind
