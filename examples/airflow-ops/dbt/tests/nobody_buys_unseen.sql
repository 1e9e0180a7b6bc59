-- Whoever bought something has clicked on it, and paid for it.
select * from {{ ref('fact_user_event') }} where purchased = 1 and (clicked = 0 or paidamount <= 0)
