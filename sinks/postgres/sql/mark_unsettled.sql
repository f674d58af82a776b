-- Remember that identifiers are to be settled. Parameters: identifiers; judged.
insert into portrait.unsettled (identifier, judged)
select identifier, %(judged)s from unnest(%(identifiers)s::text[]) as marked (identifier)
