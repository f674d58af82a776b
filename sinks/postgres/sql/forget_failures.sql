-- Other rules are in use now.
delete from portrait.segment_failures
