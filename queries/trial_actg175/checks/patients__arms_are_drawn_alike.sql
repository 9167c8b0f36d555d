-- Each arm has about the share of the patients that the draw gave it: within four standard errors of a quarter.
-- Another share would mean that the propensity of `job.toml` is wrong.
with arms as (
    select arm, cast(count(*) as double) as patients
    from patients
    group by arm
),

shares as (
    select
        arm,
        patients / sum(patients) over () as share,
        sum(patients) over () as everybody
    from arms
)

select arm, share
from shares
where abs(share - $chance_of_arm) > 4.0 * sqrt($chance_of_arm * (1.0 - $chance_of_arm) / everybody)
