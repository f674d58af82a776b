-- How many customers are in each segment.
select segment, count(*) from portrait.memberships group by segment
