select
    session_id,
    position,
    user_id,
    song_id,
    seconds,
    device,
    started_at
from {{ source('lake', 'plays') }}
