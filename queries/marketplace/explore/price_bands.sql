-- What dear products do against cheap ones: click and purchase rates by price band within the category.
with banded as (
    select
        impressions.clicked,
        impressions.purchased,
        ntile(5) over (order by product_price.price_level) as band,
        product_price.price_level
    from impressions
    inner join product_price on product_price.product_id = impressions.product_id
    where product_price.price_level is not null
)

select
    band,
    exp(avg(price_level)) as price_against_category,
    avg(cast(clicked as double)) as click_rate,
    sum(cast(purchased as double)) / sum(cast(clicked as double)) as purchases_per_click
from banded
group by band
order by band
