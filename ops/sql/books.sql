-- The books: what became of everything that was received. Letters about records of our own topics are not part of them.
select
    (select count(*) from portrait.events) as stored,
    (select count(*) from portrait.duplicates) as duplicate,
    count(*) filter (where not ours) as rejected,
    count(*) filter (where at_the_door) as at_the_door,
    count(*) filter (where ours) as unreadable,
    (select count(*) from portrait.outbox) as outbox
from (
    select origin ~ '^events[.](valid|rejected)/' as ours, origin ~ '^collector/' as at_the_door from portrait.rejected
) as letter
