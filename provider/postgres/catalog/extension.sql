-- Extensions as postgres.extension has them.
select w.key, json_strip_nulls(json_build_object(
    'name', e.extname,
    'schema', n.nspname,
    'version', e.extversion))
from json_to_recordset(:'wanted') as w(key text, name text)
join pg_extension e on e.extname = w.name
join pg_namespace n on n.oid = e.extnamespace
