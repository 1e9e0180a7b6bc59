select user_id, user_name, country, is_premium, updated_at
from {{ ref('stg_users') }}
