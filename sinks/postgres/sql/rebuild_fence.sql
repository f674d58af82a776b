-- Let no worker write until this transaction ends; readers go on reading what was.
lock table portrait.positions, portrait.customers in exclusive mode
