-- Patients to learn from, and their two outcomes.
-- Grain: one patient. Who left before the followed days without an event has no label for it.
select
    patient_id,
    arm,
    event,
    cd4_week_20
from patients
