select user_id, variant_id
from {{ source('raw_data', 'user_variant') }}
