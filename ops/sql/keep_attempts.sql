-- Note what came of sending dead letters again. Parameters: origins, outcomes, details, arrays in the same order; by; patch.
insert into portrait.rejected_attempts (origin, by, patch, outcome, detail)
select origin, %(by)s, %(patch)s, outcome, detail
from unnest(%(origins)s::text[], %(outcomes)s::text[], %(details)s::text[]) as tried (origin, outcome, detail)
