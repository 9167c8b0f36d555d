-- Patients of the trial: what was known when the arm was drawn, the arm, and what became of them.
-- Grain: one patient. An event is a fall of the CD4 count by half, AIDS, or death.
-- event is 1 when it came within the followed days, 0 when it did not, and NULL for those who left earlier without one.
select
    cast(pidnum as bigint) as patient_id,
    case arms
        when 0 then 'zidovudine'
        when 1 then 'zidovudine and didanosine'
        when 2 then 'zidovudine and zalcitabine'
        when 3 then 'didanosine'
    end as arm,
    cast(age as integer) as age_years,
    cast(wtkg as double) as weight_kg,
    cast(karnof as integer) as karnofsky,
    cast(preanti as integer) as treated_days,
    cast(cd40 as double) as cd4_start,
    cast(cd80 as double) as cd8_start,
    case strat when 1 then 'never treated' when 2 then 'treated up to a year' when 3 then 'treated longer' end as stratum,
    hemo = 1 as haemophilia,
    homo = 1 as homosexual,
    drugs = 1 as injected_drugs,
    oprior = 1 as other_treatment_before,
    z30 = 1 as zidovudine_last_30_days,
    race = 1 as not_white,
    gender = 1 as male,
    symptom = 1 as has_symptoms,
    cast(cd420 as double) as cd4_week_20,
    cast(days as integer) as days,
    case
        when cens = 1 and days <= $followed_days then 1
        when days >= $followed_days then 0
    end as event,
    case
        when pidnum is null then 'no patient'
        when arms is null or arms not in (0, 1, 2, 3) then 'no such arm'
    end as refused
from raw.patients
