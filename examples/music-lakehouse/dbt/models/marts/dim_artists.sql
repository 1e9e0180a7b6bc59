-- An artist with how much there is of them.
select
    {{ surrogate_key(['artist_id']) }} as artist_key,
    artist_id,
    min(artist_name) as artist_name,
    count(*) as songs,
    count(distinct album) as albums
from {{ ref('stg_songs') }}
group by artist_id
