-- Evaluate everybody by these rules, unless that was begun. Parameter: digest.
insert into portrait.sweeps (digest) values (%(digest)s) on conflict (digest) do nothing
