-- The evaluation of everybody by these rules is to begin anew. Parameter: digest.
delete from portrait.sweeps where digest = %(digest)s
