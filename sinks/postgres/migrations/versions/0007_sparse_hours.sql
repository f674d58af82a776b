-- Lists of counts become objects: [0, 2, 1] becomes {"1": 2, "2": 1}.

create function portrait.sparse(counts jsonb) returns jsonb
language sql immutable strict
return (
    select coalesce(jsonb_object_agg((place - 1)::text, count), '{}')
    from jsonb_array_elements(counts) with ordinality as counted (count, place)
    where count <> '0'
);

update portrait.customers
set state = (
    state::jsonb || jsonb_build_object(
        'hours', portrait.sparse(state::jsonb -> 'hours'), 'weekdays', portrait.sparse(state::jsonb -> 'weekdays')
    )
)::text
where jsonb_typeof(state::jsonb -> 'hours') = 'array';

drop function portrait.sparse(jsonb);
