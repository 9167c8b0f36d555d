-- Header of a query whose text is at its edges.
--
--   indented, with "quotes" and ünïcode
with recursive a as (select 1 as "n -- no comment", '-- nor this' as t union all select "n -- no comment" + 1, t from a)
select
    a."n -- no comment" as household_id, -- a definition
    o.product_id, -- another, with -- dashes
    $as_of as at, /* a block -- comment */
    count(*) filter (where o.sold_at >= $as_of - interval '14 days') over w as purchases -- the last
from a, lateral (select * from orders) o
window w as (partition by o.product_id)
