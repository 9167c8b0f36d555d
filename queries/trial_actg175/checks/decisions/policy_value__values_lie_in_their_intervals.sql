-- Every value and every difference has an interval and lies within it, and a share of patients with an event is a share.
select outcome, policy, estimator, low, value, high, against_zidovudine_low, against_zidovudine, against_zidovudine_high
from policy_value
where low is null
    or high is null
    or low > value
    or high < value
    or against_zidovudine_low is null
    or against_zidovudine_high is null
    or against_zidovudine_low > against_zidovudine
    or against_zidovudine_high < against_zidovudine
    or best_prediction_less_this_low is null
    or best_prediction_less_this_high is null
    or best_prediction_less_this_low > best_prediction_less_this
    or best_prediction_less_this_high < best_prediction_less_this
    or (outcome = 'event within 96 weeks' and (value < 0.0 or value > 1.0))
