-- Every contact has one of the four reasons.
select reason, count(*) as contacts
from contacts
where reason is null or reason not in ('delivery', 'return', 'payment', 'product')
group by reason
