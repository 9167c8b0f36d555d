-- At most one line in a hundred names a product that is not in the list.
with orphans as (
    select
        count(*) as lines,
        count(*) filter (where products.product_id is null) as without_product
    from transactions
    left join products on products.product_id = transactions.product_id
)

select lines, without_product
from orphans
where without_product * 100 > lines
