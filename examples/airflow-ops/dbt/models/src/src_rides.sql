-- Rides once each that have ended, took at least a minute and less than a day (otherwise the bike was lost or never left).
select ride_id, member_id, from_station_id, to_station_id, started_at, ended_at, minutes
from (
    select *,
        {{ dbt.datediff('started_at', 'ended_at', 'minute') }} as minutes,
        row_number() over (partition by ride_id order by started_at) as n
    from {{ source('raw', 'rides') }}
    where ended_at is not null
) as rides
where n = 1 and minutes between 1 and 24 * 60 - 1
