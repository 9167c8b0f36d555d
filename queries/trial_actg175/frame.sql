-- What was known of a patient before the arm was drawn, and nothing that came after.
-- Grain: one patient.
select
    rows.patient_id,
    rows.arm,
    patients.age_years, -- age in years
    patients.weight_kg, -- weight in kg
    patients.karnofsky, -- Karnofsky score: how well everyday life can be managed, 0 to 100
    patients.treated_days, -- days of antiretroviral treatment before
    patients.cd4_start, -- CD4 cells per mm³ at the start
    patients.cd8_start, -- CD8 cells per mm³ at the start
    patients.stratum, -- treatment before the trial: none, up to a year, longer
    patients.haemophilia, -- whether the patient has haemophilia
    patients.homosexual, -- homosexual activity, as the trial recorded it
    patients.injected_drugs, -- whether drugs were injected before
    patients.other_treatment_before, -- whether there was an antiretroviral treatment other than zidovudine before
    patients.zidovudine_last_30_days, -- zidovudine in the 30 days before
    patients.not_white, -- race, as the trial recorded it in two words
    patients.male, -- sex, as the trial recorded it
    patients.has_symptoms -- whether there are symptoms of HIV
from rows
inner join patients on patients.patient_id = rows.patient_id
