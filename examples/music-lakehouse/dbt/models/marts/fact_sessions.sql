-- One row a session, also where nothing was played. A play counts as skipped when less than half of the song was heard.
with played as (
    select
        plays.session_id,
        count(*) as plays,
        count(distinct songs.artist_id) as artists,
        sum(plays.seconds) as seconds,
        sum(case when plays.seconds * 2 < songs.duration_s then 1 else 0 end) as skipped
    from {{ ref('stg_plays') }} as plays
    inner join {{ ref('stg_songs') }} as songs on songs.song_id = plays.song_id
    group by plays.session_id
),

bought as (
    select session_id, count(*) as purchases, sum(amount) as amount
    from {{ ref('stg_sales') }}
    group by session_id
)

select
    sessions.session_id,
    sessions.user_id,
    sessions.device,
    sessions.started_at,
    {{ to_day('sessions.started_at') }} as started_on,
    coalesce(played.plays, 0) as plays,
    coalesce(played.artists, 0) as artists,
    coalesce(played.seconds, 0) as seconds,
    coalesce(played.skipped, 0) as skipped,
    coalesce(bought.purchases, 0) as purchases,
    {{ to_amount('coalesce(bought.amount, 0)') }} as amount
from {{ ref('stg_sessions') }} as sessions
left join played on played.session_id = sessions.session_id
left join bought on bought.session_id = sessions.session_id
