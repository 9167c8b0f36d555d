-- From where to where users go within a day's visit, and where they leave.
-- Grain: scenario x next scenario (`leaves` = the last of the visit), last 28 days. `bought` is the share of these steps whose first
-- impression was bought.
-- Application: behaviour.
with steps as (
    select
        scenario,
        coalesce(
            lead(scenario) over (partition by user_id, cast(occurred_at as date) order by occurred_at, event_id),
            'leaves'
        ) as next_scenario,
        purchased
    from impressions
    where occurred_at >= $as_of - interval '28 days'
)

select
    scenario,
    next_scenario,
    count(*) as steps,
    count(*) / sum(cast(count(*) as double)) over (partition by scenario) as probability,
    avg(cast(purchased as double)) as bought
from steps
group by scenario, next_scenario
order by scenario, probability desc, next_scenario
