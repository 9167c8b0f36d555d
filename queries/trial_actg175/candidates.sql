-- Patients to look at: every one of the trial, in the arm that was drawn.
-- Grain: one patient.
select patient_id, arm
from patients
