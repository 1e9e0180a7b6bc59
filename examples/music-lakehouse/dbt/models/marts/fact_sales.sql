-- One row a song that was bought.
select
    purchase_id,
    session_id,
    user_id,
    song_id,
    {{ to_day('sold_at') }} as sold_on,
    amount
from {{ ref('stg_sales') }}
