-- Everybody with a variant; of some nothing else is known.
select v.user_id, v.variant_id, m.age, m.gender
from {{ ref('dim_user_variant') }} as v
left join {{ ref('dim_user_metadata') }} as m on m.user_id = v.user_id
