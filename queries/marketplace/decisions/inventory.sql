-- What to order where: reorder point and quantity for the service level that the job sets (`service_z`), the risk of running out,
-- what lies too long.
-- Grain: product x location, what is most urgent first. `lead_days`: from the warehouse to a store, from the supplier to the
-- warehouse. Below the reorder point, what is on hand and on its way is filled up to what the lead time and one review period will need.
-- Needs are quantiles of a count with the spread of past errors. A product of which the catalogue has no stock is not bought again.
-- Application: inventory.
with leads as (
    select destination as location, cast(null as bigint) as product_id, lead_days
    from lanes
    where origin = 'warehouse'
    union all
    select 'warehouse' as location, product_id, lead_days
    from supply
),

planned as (
    select
        demand.product_id,
        demand.location,
        stock_now.on_hand,
        stock_now.on_order,
        demand.expected,
        demand.low,
        demand.high,
        demand.dispersion,
        leads.lead_days,
        demand.expected * leads.lead_days / 7.0 as lead_need,
        demand.expected * (leads.lead_days + $review_days) / 7.0 as cycle_need,
        products.title,
        products.stock > 0 as is_bought,
        supply.holding_cost
    from demand
    inner join stock_now on stock_now.product_id = demand.product_id and stock_now.location = demand.location
    inner join leads
        on leads.location = demand.location
        and (leads.product_id = demand.product_id or leads.product_id is null)
    inner join products on products.product_id = demand.product_id
    inner join supply on supply.product_id = demand.product_id
),

levels as (
    select
        product_id,
        title,
        location,
        on_hand,
        on_order,
        expected,
        low,
        high,
        lead_days,
        is_bought,
        holding_cost,
        greatest(
            floor(lead_need + $service_z * sqrt(dispersion * lead_need) + dispersion * ($service_z * $service_z - 1) / 6 + 0.5),
            1
        ) as reorder_point,
        greatest(
            floor(cycle_need + $service_z * sqrt(dispersion * cycle_need) + dispersion * ($service_z * $service_z - 1) / 6 + 0.5),
            1
        ) as order_up_to,
        -- Distance from what is needed in the lead time and a review period to what is there, in standard deviations.
        (on_hand + on_order + 0.5 - cycle_need) / sqrt(dispersion * cycle_need) as distance
    from planned
),

risks as (
    select
        product_id,
        title,
        location,
        on_hand,
        on_order,
        expected,
        low,
        high,
        lead_days,
        is_bought,
        holding_cost,
        reorder_point,
        order_up_to,
        -- The normal distribution function, to the third digit (Page, 1977).
        1 / (1 + exp(least(1.5976 * distance + 0.07056 * power(distance, 3), 500))) as stockout_risk,
        case
            when is_bought and on_hand + on_order <= reorder_point then greatest(order_up_to - on_hand - on_order, 0)
            else 0
        end as order_quantity,
        greatest(on_hand - greatest(ceil($overstock_weeks * expected), order_up_to), 0) as overstock
    from levels
)

select
    product_id,
    title,
    location,
    case
        when order_quantity > 0 then 'order'
        when not is_bought then 'not bought again'
        when overstock > 0 then 'too much'
        else 'enough'
    end as action,
    cast(order_quantity as bigint) as order_quantity,
    stockout_risk,
    on_hand,
    on_order,
    expected,
    low,
    high,
    lead_days,
    reorder_point,
    order_up_to,
    cast(overstock as bigint) as overstock,
    overstock * holding_cost as overstock_cost_week
from risks
order by order_quantity * stockout_risk desc, overstock_cost_week desc, product_id, location
