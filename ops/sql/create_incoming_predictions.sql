-- Where the predictions of a run arrive.
create temporary table incoming_predictions (
    customer_id   uuid,
    p_alive       double precision,
    purchases_90d double precision,
    value_90d     bigint
) on commit drop
