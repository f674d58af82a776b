-- What a judgement had decided is open again. Parameter: judgement.
update portrait.reviews set closed_at = null, outcome = null, judgement = null where judgement = %(judgement)s
