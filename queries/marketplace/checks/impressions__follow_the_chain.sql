-- Nothing is put into the cart or bought without a click, and an amount comes with a purchase and only with one.
select event_id, clicked, carted, purchased, amount
from impressions
where (carted and not clicked)
    or (purchased and not clicked)
    or purchased <> (amount > 0)
