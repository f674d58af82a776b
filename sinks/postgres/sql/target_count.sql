-- Count what was delivered and what was not to be. Parameters: target, delivered, skipped.
update portrait.targets
set delivered = delivered + %(delivered)s,
    skipped = skipped + %(skipped)s,
    delivered_at = case when %(delivered)s > 0 then now() else delivered_at end,
    failing_since = case when %(delivered)s > 0 then null else failing_since end,
    problem = case when %(delivered)s > 0 then null else problem end
where id = %(target)s
