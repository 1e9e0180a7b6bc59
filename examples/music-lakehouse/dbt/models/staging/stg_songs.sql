select
    song_id,
    title,
    album,
    artist_id,
    artist as artist_name,
    duration_s,
    genre
from {{ source('lake', 'songs') }}
