-- Whether the evaluation of everybody by these rules was begun. Parameter: digest.
select exists (select from portrait.sweeps where digest = %(digest)s)
