-- Which departments do we expect to sell most in the coming week?
select
    products.department,
    count(*) as pairs,
    sum(scores.purchase) as expected_purchases,
    sum(scores.spend) as expected_spend
from scores
inner join products on products.product_id = scores.product_id
group by products.department
order by expected_spend desc
