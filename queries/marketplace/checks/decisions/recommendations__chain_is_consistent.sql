-- What follows a click is no more probable than the click, a return no more than the purchase, and nothing is expected to bring less than
-- nothing.
select user_id, product_id, scenario, click, cart, purchase, returned, spend
from scores
where cart > click + 0.000001
    or purchase > click + 0.000001
    or returned > purchase + 0.000001
    or spend < 0
    or click < 0
    or click > 1
