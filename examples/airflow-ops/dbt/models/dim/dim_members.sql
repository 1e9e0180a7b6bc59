select member_id, plan, joined_on, plan <> 'day' as subscribed
from {{ ref('src_members') }}
