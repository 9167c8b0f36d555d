-- Every alert has a reason. One of the model raises the odds of a return, the first at least as much as the second; one that is not of the
-- model says so and has no odds.
select place, event_id, reason, odds_times, second_reason, second_odds_times, reason_source
from risk_alerts
where reason is null
    or reason_source not in ('the model', 'past return shares')
    or (reason_source = 'the model' and coalesce(odds_times, 0.0) <= 1.0)
    or (reason_source = 'past return shares' and (odds_times is not null or second_reason is not null))
    or (second_reason is not null and coalesce(second_odds_times, 0.0) <= 1.0)
    or second_odds_times > odds_times + 0.000001
    or second_reason = reason
