-- For each product and store, the promotion under which its expected purchases rise most.
-- Grain: store x product with at least five households that may buy it. Predictions for other scenarios, not effects.
-- Application: advertisements.
with expected as (
    select
        usual_store.store_id,
        scores_under.product_id,
        scores_under.under,
        count(*) as households,
        sum(scores_under.purchase) as expected_purchases
    from scores_under
    inner join usual_store on usual_store.household_id = scores_under.household_id
    group by usual_store.store_id, scores_under.product_id, scores_under.under
),

against_shelf as (
    select
        promoted.store_id,
        promoted.product_id,
        promoted.under as promotion,
        promoted.households,
        shelf.expected_purchases as expected_on_shelf,
        promoted.expected_purchases as expected_promoted,
        promoted.expected_purchases - shelf.expected_purchases as rise
    from expected as promoted
    inner join expected as shelf
        on shelf.store_id = promoted.store_id
        and shelf.product_id = promoted.product_id
        and shelf.under = 'shelf'
    where promoted.under <> 'shelf' and promoted.households >= 5
),

ranked as (
    select
        store_id,
        product_id,
        promotion,
        households,
        expected_on_shelf,
        expected_promoted,
        rise,
        row_number() over (partition by store_id, product_id order by rise desc, promotion) as place
    from against_shelf
)

select
    store_id,
    product_id,
    promotion,
    households,
    expected_on_shelf,
    expected_promoted,
    rise
from ranked
where place = 1 and rise > 0
order by rise desc, store_id, product_id
