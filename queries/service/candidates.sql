-- Users who came in the last 28 days, with each reason for which they could turn to the service.
-- Grain: user x reason.
select
    user_visits.user_id,
    reasons.reason
from user_visits
cross join (
    select column1 as reason from (values ('delivery'), ('return'), ('payment'), ('product')) as listed
) as reasons
