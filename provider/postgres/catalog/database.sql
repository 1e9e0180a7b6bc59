-- Databases as postgres.database has them. 
select w.key, json_strip_nulls(json_build_object(
    'name', d.datname,
    'owner', o.rolname,
    'encoding', pg_encoding_to_char(d.encoding),
    'collate', d.datcollate,
    'ctype', d.datctype,
    'tablespace', t.spcname,
    'connection_limit', d.datconnlimit,
    'allow_connections', d.datallowconn,
    'comment', shobj_description(d.oid, 'pg_database')))
from json_to_recordset(:'wanted') as w(key text, name text)
join pg_database d on d.datname = w.name
join pg_roles o on o.oid = d.datdba
join pg_tablespace t on t.oid = d.dattablespace
