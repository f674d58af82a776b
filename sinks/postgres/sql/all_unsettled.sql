-- Every identifier that waits to be settled.
select identifier from portrait.unsettled
