select user_id, age, gender, updated_at
from {{ source('raw_data', 'user_metadata') }}
