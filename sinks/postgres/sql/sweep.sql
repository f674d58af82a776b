-- Where the evaluation of everybody by these rules stands, unless it is finished, or somebody else is at it. Parameter: digest.
select after::text from portrait.sweeps where digest = %(digest)s and finished_at is null for update skip locked
