{{ config(materialized='incremental', on_schema_change='fail') }}
-- Only what is newer than all that is there, of an empty table everything; a column that comes or goes is for somebody to decide.
select user_id, datestamp, item_id, clicked, purchased, paidamount
from {{ ref('src_user_event') }}
where datestamp is not null
{% if is_incremental() %}
  and datestamp > (select coalesce(max(datestamp), cast('0001-01-01' as timestamp)) from {{ this }})
{% endif %}
