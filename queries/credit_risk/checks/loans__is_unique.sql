-- A loan stands once in the list.
select loan_id, count(*) as copies
from loans
group by loan_id
having count(*) > 1
