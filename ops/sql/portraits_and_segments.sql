-- The portrait and the segments of every living customer, or of so many. Parameter: most, null for all.
select state, segments from portrait.customers limit %(most)s
