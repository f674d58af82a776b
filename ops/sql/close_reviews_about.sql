-- A person decided about a value that people had been asked about. Parameters: identifier, outcome, judgement.
update portrait.reviews set closed_at = now(), outcome = %(outcome)s, judgement = %(judgement)s
where a = %(identifier)s and b = '' and kind in ('quarantined', 'too_large') and closed_at is null
