select
    {{ surrogate_key(['session_id', 'position']) }} as purchase_id,
    session_id,
    user_id,
    song_id,
    {{ to_amount('price') }} as amount,
    sold_at
from {{ source('lake', 'sales') }}
