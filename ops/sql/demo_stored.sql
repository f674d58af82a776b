-- How many of the stored events are the demo's, and how many are not.
select
    count(*) filter (where starts_with(source, '/demo/')) as of_demo,
    count(*) filter (where not starts_with(source, '/demo/')) as others
from portrait.events
