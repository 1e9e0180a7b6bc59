-- One row a listening session. A play counts as skipped when less than half of the song was heard.
select
    plays.session_id,
    plays.user_id,
    plays.device,
    plays.started_at,
    {{ to_day('plays.started_at') }} as started_on,
    count(*) as plays,
    count(distinct songs.artist_id) as artists,
    sum(plays.seconds) as seconds,
    sum(case when plays.seconds * 2 < songs.duration_s then 1 else 0 end) as skipped
from {{ ref('stg_plays') }} as plays
inner join {{ ref('stg_songs') }} as songs on songs.song_id = plays.song_id
group by plays.session_id, plays.user_id, plays.device, plays.started_at
