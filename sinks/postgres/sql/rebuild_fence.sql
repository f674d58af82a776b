-- Let no worker write, and nobody settle or judge, until this transaction ends; readers go on reading what was. In the order in which
-- those take them.
lock table portrait.positions, portrait.unsettled, portrait.customers in exclusive mode
