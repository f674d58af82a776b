-- Whether this transaction is the only one that is making predictions, until its end.
select pg_try_advisory_xact_lock(hashtextextended('portrait.predictions', 0))
