-- What the campaigns could place, as the placement reads it, and whether it is taken.
-- Grain: campaign x product x segment. A product is advertised to a segment in a scenario by one campaign at most. Each option uses its
-- campaign's money and promised impressions, one of the times that a user may see the campaign, and slots of the scenario.
-- Application: advertisements, working table.
with options as (
    select
        campaign_id,
        scenario,
        product_id,
        segment,
        impressions,
        expected_clicks,
        expected_margin,
        cost,
        value,
        concat_ws('|', scenario, product_id, segment) as choice,
        case
            when promised.resource is null then make_array(
                concat('budget of campaign ', campaign_id),
                concat('times of campaign ', campaign_id, ' to ', segment),
                concat('slots of ', scenario)
            )
            else make_array(
                concat('budget of campaign ', campaign_id),
                concat('times of campaign ', campaign_id, ' to ', segment),
                concat('slots of ', scenario),
                promised.resource
            )
        end as resources,
        case
            when promised.resource is null then make_array(cost, 1.0, cast(impressions as double))
            else make_array(cost, 1.0, cast(impressions as double), cast(impressions as double))
        end as amounts
    from ad_options
    left join ad_limits as promised on promised.resource = concat('impressions of campaign ', campaign_id)
)

select * from options
