-- Where a batch's customers arrive by COPY, before they replace the stored ones. Times are Unix ms. Lives as long as the
-- connection. What is a date, numeric or jsonb in the end arrives as text.
create temporary table if not exists incoming (
    id uuid, updated bigint, lifecycle text, segments text[], due bigint, full_name text, email text, phone text, birthday text,
    age_band text, gender text, province text, area text, income_band text, language text, acquisition_channel text,
    preferred_channel text, preferred_store text, first_seen bigint, last_seen bigint, events bigint, orders bigint,
    revenue text, currency text, revenue_by_currency text, first_order bigint, last_order bigint, points bigint, year_revenue bigint,
    recency_score smallint, frequency_score smallint, monetary_score smallint, top_percent smallint, vital boolean, state text, anchor uuid
) on commit delete rows
