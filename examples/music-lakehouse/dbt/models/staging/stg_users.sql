select
    user_id,
    name as user_name,
    upper(country) as country,
    plan = 'premium' as is_premium,
    updated_at
from {{ source('lake', 'users') }}
