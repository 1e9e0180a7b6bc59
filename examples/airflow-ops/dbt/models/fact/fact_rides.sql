select
    r.ride_id, r.member_id, r.from_station_id, r.to_station_id,
    cast(r.started_at as date) as day,
    extract(hour from r.started_at) as hour,
    r.minutes,
    r.from_station_id = r.to_station_id as round_trip
from {{ ref('src_rides') }} as r
join {{ ref('dim_members') }} as m on m.member_id = r.member_id
