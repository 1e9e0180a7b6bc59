select
    session_id,
    user_id,
    device,
    started_at
from {{ source('lake', 'sessions') }}
