-- A person decided. Parameters: number, outcome, judgement (null: none was needed).
update portrait.reviews set closed_at = now(), outcome = %(outcome)s, judgement = %(judgement)s where id = %(number)s
