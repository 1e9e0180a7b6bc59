-- What each plan is used for.
select m.plan, count(distinct f.member_id) as members, count(*) as rides, sum(f.minutes) as minutes
from {{ ref('fact_rides') }} as f
join {{ ref('dim_members') }} as m on m.member_id = f.member_id
group by m.plan
