-- What the placement uses of each limit, and what one more unit of it would bring.
-- Grain: resource. `shadow_price`: value of one more unit in the linear relaxation (of money for a budget, of an impression for slots
-- and promises; below 0 = the promise costs value). `gap`: share of the value that a better placement could add at most.
-- Application: advertisements, figures of merit.
select
    resource,
    at_least,
    at_most,
    used,
    shadow_price,
    value,
    bound,
    gap
from place_limits(
    (select * from ad_choices order by campaign_id, product_id, segment),
    (select resource, at_least, at_most from ad_limits order by resource)
)
order by abs(shadow_price) desc, resource
