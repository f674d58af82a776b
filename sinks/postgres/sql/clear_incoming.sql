-- Customers arrived before in this transaction.
truncate incoming
