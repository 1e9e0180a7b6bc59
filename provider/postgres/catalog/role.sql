-- Roles as postgres.role has them; memberships and settings as sets and maps.
select w.key, json_strip_nulls(json_build_object(
    'name', r.rolname,
    'login', r.rolcanlogin,
    'inherit', r.rolinherit,
    'superuser', r.rolsuper,
    'create_database', r.rolcreatedb,
    'create_role', r.rolcreaterole,
    'replication', r.rolreplication,
    'bypass_row_security', r.rolbypassrls,
    'connection_limit', r.rolconnlimit,
    'valid_until', to_char(nullif(r.rolvaliduntil, 'infinity') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'member_of', (select json_agg(distinct g.rolname) from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid),
    'settings', (select json_object_agg(split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)) from unnest(r.rolconfig) c),
    'comment', shobj_description(r.oid, 'pg_authid')))
from json_to_recordset(:'wanted') as w(key text, name text)
join pg_roles r on r.rolname = w.name
