-- Wait until no other transaction is handing over what jobs computed; what is read after that is what was computed last.
select pg_advisory_xact_lock(hashtextextended('portrait.computed', 0))
