-- No rule accepts more loans than there are or more defaults than it accepts, its result lies within its interval, knowing what happened is
-- not beaten, and the stricter rule accepts no more.
with beside as (
    select
        rule,
        loans,
        accepted,
        defaults_accepted,
        result_dm,
        low_dm,
        high_dm,
        max(result_dm) filter (where rule = 'knowing what happened') over () as most_dm,
        max(accepted) filter (where rule = 'accept below break-even') over () as accepted_below_break_even,
        count(*) over () as rules
    from rule_backtest
)

select rule, loans, accepted, defaults_accepted, low_dm, result_dm, high_dm, most_dm, rules
from beside
where rules <> 4
    or accepted > loans
    or defaults_accepted > accepted
    or low_dm > result_dm
    or high_dm < result_dm
    or result_dm > most_dm + 0.000001
    or (rule = 'knowing what happened' and defaults_accepted > 0)
    or (rule = 'accept all' and accepted <> loans)
    or (rule = 'accept below the band' and accepted > accepted_below_break_even)
