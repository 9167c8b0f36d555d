-- The queue is no longer than a day's capacity, each order is worth a look, and none has been delivered or returned.
select risk_alerts.place, risk_alerts.event_id, risk_alerts.worth, risk_alerts.risk
from risk_alerts
left join deliveries on deliveries.event_id = risk_alerts.event_id
left join returns on returns.event_id = risk_alerts.event_id
where risk_alerts.place > $reviews_per_day
    or risk_alerts.worth <= 0
    or risk_alerts.risk < 0
    or risk_alerts.risk > 1
    or deliveries.event_id is not null
    or returns.event_id is not null
