-- A member may have been sent more than once; the newest counts.
select member_id, plan, joined_on
from (
    select *, row_number() over (partition by member_id order by updated_at desc) as n
    from {{ source('raw', 'members') }}
) as versions
where n = 1
