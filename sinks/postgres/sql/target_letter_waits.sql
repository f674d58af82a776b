-- A dead letter that waits, held until this transaction ends. No row: it was delivered, or is in other hands. Parameter: letter.
select message from portrait.undelivered where id = %(letter)s and resent_at is null for update skip locked
