-- "no evidence" stands where the interval of the margin holds 0, and nowhere else; the margin lies within its interval. Zidovudine has no
-- margin over itself, and so never a verdict over itself.
select
    patient_id,
    best_arm,
    margin_over_next_low,
    margin_over_next,
    margin_over_next_high,
    verdict_over_next,
    margin_over_zidovudine_low,
    margin_over_zidovudine,
    margin_over_zidovudine_high,
    verdict_over_zidovudine
from best_arm
where margin_over_next_low is null
    or margin_over_next_low > margin_over_next
    or margin_over_next_high < margin_over_next
    or (verdict_over_next = 'no evidence') <> (margin_over_next_low <= 0.0)
    or margin_over_zidovudine_low is null
    or margin_over_zidovudine_low > margin_over_zidovudine
    or margin_over_zidovudine_high < margin_over_zidovudine
    or (verdict_over_zidovudine = 'no evidence') <> (margin_over_zidovudine_low <= 0.0)
