select
    user_id,
    name as user_name,
    upper(country) as country,
    coalesce(plan = 'premium', false) as is_premium,
    updated_at
from {{ source('lake', 'users') }}
