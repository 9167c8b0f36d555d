-- Loans to decide on: every loan of the list, as if it were asked for again.
-- Grain: one loan; its purpose is the scenario.
select loan_id, purpose
from loans
