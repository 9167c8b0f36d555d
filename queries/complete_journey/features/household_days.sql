-- Days on which a household shopped in the last 26 weeks, the newest numbered 1.
-- Grain: household x day.
select
    household_id,
    days_ago,
    row_number() over (partition by household_id order by days_ago) as visit,
    count(*) as products,
    sum(spend) as spend,
    sum(discount) as discount,
    count(*) filter (where on_discount) as discounted,
    count(*) filter (where on_display) as displayed,
    count(*) filter (where in_mailer) as mailed
from pair_days
group by household_id, days_ago
