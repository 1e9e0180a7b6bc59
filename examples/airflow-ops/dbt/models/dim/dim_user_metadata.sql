select user_id, age, gender, updated_at from {{ ref('src_user_metadata') }}
