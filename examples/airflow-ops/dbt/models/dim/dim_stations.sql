select station_id, station, docks, opened_on, case when docks >= 20 then 'large' else 'small' end as size
from {{ ref('src_stations') }}
