select station_id, name as station, docks, opened_on
from {{ source('raw', 'stations') }}
