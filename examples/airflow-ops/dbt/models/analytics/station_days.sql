-- How busy a station was each day, and whether bikes had to be brought there.
select
    s.station, d.day,
    sum(d.departures) as departures, sum(d.arrivals) as arrivals, sum(d.departures) - sum(d.arrivals) as missing, sum(d.minutes) as minutes
from (
    select from_station_id as station_id, day, 1 as departures, 0 as arrivals, minutes from {{ ref('fact_rides') }}
    union all
    select to_station_id, day, 0, 1, 0 from {{ ref('fact_rides') }}
) as d
join {{ ref('dim_stations') }} as s on s.station_id = d.station_id
group by s.station, d.day
