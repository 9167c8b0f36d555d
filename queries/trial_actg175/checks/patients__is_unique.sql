-- A patient was randomised once.
select patient_id, count(*) as copies
from patients
group by patient_id
having count(*) > 1
