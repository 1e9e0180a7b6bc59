{% snapshot scd_user_tiers %}
{{ config(target_schema='snapshots', unique_key='user_id', strategy='check', check_cols=['tier']) }}
-- Which tier a user had from when to when.
select user_id, tier from {{ ref('user_tiers') }}
{% endsnapshot %}
