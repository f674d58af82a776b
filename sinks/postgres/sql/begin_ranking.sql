-- Lock the ranking of everybody, if it is time to compute it; nothing when it is not, or somebody else is at it. Parameter: now.
select from portrait.rankings where next_at <= %(now)s for update skip locked
