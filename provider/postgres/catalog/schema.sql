-- Schemas as postgres.schema has them.
select w.key, json_strip_nulls(json_build_object(
    'name', n.nspname,
    'owner', o.rolname,
    'comment', obj_description(n.oid, 'pg_namespace')))
from json_to_recordset(:'wanted') as w(key text, name text)
join pg_namespace n on n.nspname = w.name
join pg_roles o on o.oid = n.nspowner
