-- A song with how often it was played; songs that nobody played are in it, too.
with played as (
    select song_id, count(*) as plays, count(distinct session_id) as sessions
    from {{ ref('stg_plays') }}
    group by song_id
)

select
    songs.song_id,
    songs.title,
    songs.album,
    songs.artist_id,
    songs.artist_name,
    songs.duration_s,
    songs.genre,
    coalesce(played.plays, 0) as plays,
    coalesce(played.sessions, 0) as sessions
from {{ ref('stg_songs') }} as songs
left join played on played.song_id = songs.song_id
