-- The public schema: views that downstream tools may rely on. They run with their owner's rights, so that readers need none on
-- schema portrait. There is one set of views for everybody: personal values are masked unless the user is a member of
-- portrait_pii_reader. The views ask that in an uncorrelated subselect, which PostgreSQL answers once a query, not once a row;
-- and they are security barriers, so that no function of a reader sees a row before it is masked.

create schema crm;
comment on schema crm is 'Customers as downstream tools see them. What is here keeps its name, its type and its meaning.';
grant usage on schema crm to portrait_reader;
alter default privileges in schema crm grant select on tables to portrait_reader;

create function crm.sees_personal_data() returns boolean
language sql stable parallel safe
return pg_catalog.pg_has_role(current_user, 'portrait_pii_reader', 'member');
comment on function crm.sees_personal_data() is
    'Whether schema crm shows the current user personal values as they are (true) or masked (false).';

create function portrait.masked_email(email text) returns text
language sql immutable strict parallel safe
return case when strpos(email, '@') > 1 then left(email, 1) || '***@' || split_part(email, '@', -1) else '***' end;
comment on function portrait.masked_email(text) is 'tran.an@gmail.com becomes t***@gmail.com.';

create function portrait.masked_phone(phone text) returns text
language sql immutable strict parallel safe
return case when length(phone) < 9 then '***' else left(phone, 5) || repeat('*', length(phone) - 7) || right(phone, 2) end;
comment on function portrait.masked_phone(text) is '+84901234567 becomes +8490*****67.';

create function portrait.masked_name(name text) returns text
language sql immutable strict parallel safe
return regexp_replace(name, '(\S)\S*', '\1.', 'g');
comment on function portrait.masked_name(text) is 'Trần Thị An becomes T. T. A.';

-- Not parallel safe, though it could be: so that to look up a value starts no parallel workers for the branch of
-- crm.customer_identifiers that is not for the user.
create function portrait.masked_identifier(identifier text) returns text
language sql immutable strict parallel restricted
return case split_part(identifier, ':', 1)
    when 'email' then portrait.masked_email(substr(identifier, strpos(identifier, ':') + 1))
    when 'phone' then portrait.masked_phone(substr(identifier, strpos(identifier, ':') + 1))
    else '***' || case when length(identifier) - strpos(identifier, ':') > 6 then right(identifier, 2) else '' end
end;
comment on function portrait.masked_identifier(text) is
    'The value of KIND:VALUE, masked: email and phone as such, of other kinds the last two characters stay.';

create function portrait.shown_data(data jsonb) returns jsonb
language sql immutable strict parallel safe
return jsonb_strip_nulls(jsonb_build_object(
    'form', data -> 'form',
    'order', data -> 'order',
    'store_id', data -> 'store_id',
    'basket', data -> 'basket',
    'points', data -> 'points',
    'tier', data -> 'tier',
    'platform', data -> 'platform',
    'action', data -> 'action',
    'utm', data #> '{page,utm}'
));
comment on function portrait.shown_data(jsonb) is
    'What everybody may see of an event''s data. It names what is shown: a field that is new is masked until it is named here.';

create function portrait.minor_digits(currency text) returns integer
language sql immutable strict parallel safe
return case
    when currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF',
                      'XOF', 'XPF') then 0
    when currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    else 2
end;
comment on function portrait.minor_digits(text) is 'How many decimal digits a currency has (ISO 4217), as schemas/money.py says.';

create function portrait.major(minor numeric, currency text) returns numeric
language sql immutable strict parallel safe
return minor * case portrait.minor_digits(currency) when 0 then 1 when 2 then 0.01 else 0.001 end;
comment on function portrait.major(numeric, text) is 'Minor units as an amount in major units: 1234 of USD is 12.34.';
