-- Per variant, user and day: items seen, items clicked, purchases, revenue. Events of users without a variant count, too.
select
    u.variant_id, e.user_id, cast(e.datestamp as date) as datestamp, u.age, u.gender,
    count(distinct e.item_id) as num_of_items,
    count(distinct case when e.clicked = 1 then e.item_id end) as num_of_clicks,
    sum(e.purchased) as num_of_purchases,
    sum(e.paidamount) as revenue
from {{ ref('fact_user_event') }} as e
left join {{ ref('dim_user') }} as u on u.user_id = e.user_id
group by 1, 2, 3, 4, 5
