select * from {{ ref('src_user_variant') }}
