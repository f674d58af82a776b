-- How soon customers buy what is new. It depends on all customers, so no portrait holds it: `portrait adopters` computes it anew.

create table portrait.adopters (
    customer_id   uuid primary key,
    score         numeric(7, 6) not null check (score > 0 and score < 1),
    adopter_group text not null,
    products      integer not null,
    computed_at   timestamptz not null
);
comment on table portrait.adopters is 'What ops/sql/draw_adopters.sql found last, of customers who have bought enough new products.';

create view crm.customer_adoption as
select
    found.customer_id,
    found.adopter_group,
    found.score,
    found.products,
    format('in the median of %s products, %s %% of the way from the first of their buyers to the last',
           found.products, round(100 * found.score, 1)) as reason,
    found.computed_at
from portrait.adopters as found
where exists (select from portrait.customers as living where living.id = found.customer_id);

comment on view crm.customer_adoption is
    'How soon after others a customer buys what is new: Rogers'' groups of adopters, as `portrait adopters` computed them last. '
    'Customers who have bought too few new products have no row, nor those who have become part of another one since.';
comment on column crm.customer_adoption.customer_id is 'The living customer.';
comment on column crm.customer_adoption.adopter_group is 'innovator, early_adopter, early_majority, late_majority or laggard.';
comment on column crm.customer_adoption.score is
    'Where the customer stands among the buyers of a product, from the first (near 0) to the last (near 1): the median over products.';
comment on column crm.customer_adoption.products is 'How many new products the customer has bought.';
comment on column crm.customer_adoption.reason is 'The same in words.';
comment on column crm.customer_adoption.computed_at is 'When this was computed.';
