select user_id, datestamp, item_id, clicked, purchased, paidamount
from {{ source('raw_data', 'user_event') }}
