"""What Redshift has and PostgreSQL does not, made once in each database: functions, tables of its own catalog, and what the sandbox remembers."""

SCHEMA = r"""
create schema _redshift;
grant usage on schema _redshift to public;
create table _redshift.late_views (view oid primary key, definition text not null);
create table _redshift.late_columns (view oid, number int, name name, type varchar, primary key (view, number));
create table _redshift.external_schemas (schema oid primary key, database text not null, role text not null, region text not null);
create table _redshift.external_tables (schemaname text, tablename text, location text, input_format text, tabletype text, signature text, primary key (schemaname, tablename));
create table _redshift.external_columns (schemaname text, tablename text, columnname text, external_type text, columnnum int, part_key int);
create table _redshift.load_errors (starttime timestamp default now(), tbl text, filename text, line_number bigint, colname text, raw_line text, err_code int, err_reason text);
grant select, insert, update, delete on all tables in schema _redshift to public;
grant create on schema public to public;
grant pg_read_all_data, pg_write_all_data to rds_superuser;
"""

VIEWS = r"""
create view pg_catalog.stl_load_errors as select starttime, tbl, filename::char(256), line_number, colname::char(127), raw_line::char(1024), err_code, err_reason::char(100) from _redshift.load_errors;
create view pg_catalog.svv_external_schemas as select n.oid as esoid, 1::smallint as eskind, n.nspname as schemaname, n.nspowner as esowner, s.database as databasename,
  ('{"IAM_ROLE":"' || s.role || '"}')::varchar as esoptions from _redshift.external_schemas s join pg_namespace n on n.oid = s.schema;
create view pg_catalog.svv_external_tables as select current_database()::text as redshift_database_name, schemaname, tablename, tabletype, location, input_format from _redshift.external_tables;
create view pg_catalog.svv_external_columns as select current_database()::text as redshift_database_name, schemaname, tablename, columnname, external_type, columnnum, part_key, 'true'::text as is_nullable from _redshift.external_columns;
create view pg_catalog.svv_tables as select table_catalog, table_schema, table_name, table_type::varchar from information_schema.tables
  where table_schema not in (select nspname from _redshift.external_schemas join pg_namespace on oid = schema)
  union all select current_database(), schemaname, tablename, 'EXTERNAL TABLE' from _redshift.external_tables;
create view pg_catalog.svv_columns as select table_catalog, table_schema, table_name, column_name, ordinal_position, data_type, is_nullable from information_schema.columns;
create view pg_catalog.pg_table_def as select n.nspname as schemaname, c.relname as tablename, a.attname as "column", format_type(a.atttypid, a.atttypmod) as type, 'none'::text as encoding,
  false as distkey, 0 as sortkey, a.attnotnull as "notnull" from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
  where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped;
create view pg_catalog.svv_table_info as select current_database()::text as database, n.nspname as schema, c.oid as table_id, c.relname as "table", 'Y'::text as encoded, 'AUTO(ALL)'::text as diststyle,
  null::text as sortkey1, 0 as max_varchar, null::text as sortkey1_enc, 0 as sortkey_num, greatest(1, pg_relation_size(c.oid) / 1048576) as size, 0::numeric(10, 4) as pct_used, 0 as empty,
  null::numeric(5, 2) as unsorted, 0::numeric(5, 2) as stats_off, greatest(c.reltuples, 0)::numeric as tbl_rows, null::numeric(19, 2) as skew_sortkey1, null::numeric(19, 2) as skew_rows from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema|_redshift)';
create view pg_catalog.stv_sessions as select backend_start as starttime, pid as process, usename as user_name, datname as db_name from pg_stat_activity where datname is not null;
grant select on pg_catalog.stl_load_errors, pg_catalog.svv_external_schemas, pg_catalog.svv_external_tables, pg_catalog.svv_external_columns, pg_catalog.svv_tables, pg_catalog.svv_columns,
  pg_catalog.pg_table_def, pg_catalog.svv_table_info, pg_catalog.stv_sessions to public;
"""

FUNCTIONS = r"""
create or replace function pg_catalog.version() returns text stable language sql as $$
  select 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.77467' $$;
create function pg_catalog.dateadd(text, numeric, timestamp) returns timestamp immutable strict language sql as $$
  select $3 + case when lower($1) in ('quarter', 'quarters', 'qtr', 'q') then make_interval(months => 3 * trunc($2)::int)
    when lower($1) in ('day', 'days', 'd', 'dayofyear', 'doy', 'dy') then make_interval(days => trunc($2)::int) when lower($1) in ('week', 'weeks', 'w', 'wk') then make_interval(weeks => trunc($2)::int)
    when lower($1) in ('month', 'months', 'mon', 'mons', 'mm') then make_interval(months => trunc($2)::int) when lower($1) in ('year', 'years', 'y', 'yr', 'yyyy') then make_interval(years => trunc($2)::int)
    when lower($1) in ('hour', 'hours', 'h', 'hr', 'hh') then make_interval(hours => trunc($2)::int) when lower($1) in ('minute', 'minutes', 'm', 'min', 'mins', 'mi', 'n') then make_interval(mins => trunc($2)::int)
    when lower($1) in ('second', 'seconds', 's', 'sec', 'secs', 'ss') then make_interval(secs => trunc($2)::double precision) else (trunc($2)::text || ' ' || $1)::interval end $$;
create function pg_catalog.dateadd(text, numeric, timestamptz) returns timestamptz stable strict language sql as $$ select pg_catalog.dateadd($1, $2, $3 at time zone 'utc') at time zone 'utc' $$;
create function pg_catalog.dateadd(text, numeric, date) returns timestamp immutable strict language sql as $$ select pg_catalog.dateadd($1, $2, $3::timestamp) $$;
create function pg_catalog.datediff(text, timestamp, timestamp) returns bigint immutable strict language sql as $$
  select case when lower($1) in ('year', 'years', 'y', 'yr', 'yyyy') then (extract(year from $3) - extract(year from $2))::bigint
    when lower($1) in ('quarter', 'quarters', 'qtr', 'q') then ((extract(year from $3) - extract(year from $2)) * 4 + extract(quarter from $3) - extract(quarter from $2))::bigint
    when lower($1) in ('month', 'months', 'mon', 'mons', 'mm') then ((extract(year from $3) - extract(year from $2)) * 12 + extract(month from $3) - extract(month from $2))::bigint
    when lower($1) in ('week', 'weeks', 'w', 'wk') then ((date_trunc('week', $3 + interval '1 day')::date - date_trunc('week', $2 + interval '1 day')::date) / 7)::bigint
    when lower($1) in ('day', 'days', 'd', 'dayofyear', 'doy', 'dy') then ($3::date - $2::date)::bigint
    when lower($1) in ('hour', 'hours', 'h', 'hr', 'hh') then (extract(epoch from date_trunc('hour', $3) - date_trunc('hour', $2)) / 3600)::bigint
    when lower($1) in ('minute', 'minutes', 'm', 'min', 'mins', 'mi', 'n') then (extract(epoch from date_trunc('minute', $3) - date_trunc('minute', $2)) / 60)::bigint
    when lower($1) in ('second', 'seconds', 's', 'sec', 'secs', 'ss') then extract(epoch from date_trunc('second', $3) - date_trunc('second', $2))::bigint
    when lower($1) in ('millisecond', 'milliseconds', 'ms') then (extract(epoch from $3 - $2) * 1000)::bigint
    when lower($1) in ('microsecond', 'microseconds', 'us') then (extract(epoch from $3 - $2) * 1000000)::bigint end $$;
create function pg_catalog.datediff(text, timestamptz, timestamptz) returns bigint stable strict language sql as $$ select pg_catalog.datediff($1, $2 at time zone 'utc', $3 at time zone 'utc') $$;
create function pg_catalog.datediff(text, date, date) returns bigint immutable strict language sql as $$ select pg_catalog.datediff($1, $2::timestamp, $3::timestamp) $$;
create function pg_catalog.datediff(text, date, timestamp) returns bigint immutable strict language sql as $$ select pg_catalog.datediff($1, $2::timestamp, $3) $$;
create function pg_catalog.datediff(text, timestamp, date) returns bigint immutable strict language sql as $$ select pg_catalog.datediff($1, $2, $3::timestamp) $$;
create function pg_catalog.convert_timezone(text, timestamp) returns timestamp immutable strict language sql as $$ select ($2 at time zone 'utc') at time zone $1 $$;
create function pg_catalog.convert_timezone(text, text, timestamp) returns timestamp immutable strict language sql as $$ select ($3 at time zone $1) at time zone $2 $$;
create function pg_catalog.trunc(timestamp) returns date immutable strict language sql as $$ select $1::date $$;
create function pg_catalog.last_day(timestamp) returns date immutable strict language sql as $$ select (date_trunc('month', $1) + interval '1 month - 1 day')::date $$;
create function pg_catalog.add_months(timestamp, integer) returns timestamp immutable strict language sql as $$
  select case when $1::date = pg_catalog.last_day($1) then pg_catalog.last_day($1 + make_interval(months => $2)) + $1::time else $1 + make_interval(months => $2) end $$;
create function pg_catalog.months_between(timestamp, timestamp) returns double precision immutable strict language sql as $$
  select (extract(year from $1) - extract(year from $2)) * 12 + extract(month from $1) - extract(month from $2) + (extract(day from $1) - extract(day from $2))::double precision / 31 $$;
create function pg_catalog.nvl2(anyelement, anycompatible, anycompatible) returns anycompatible immutable language sql as $$ select case when $1 is not null then $2 else $3 end $$;
create function pg_catalog.charindex(text, text) returns integer immutable strict language sql as $$ select strpos($2, $1) $$;
create function pg_catalog.strtol(text, integer) returns bigint immutable strict language plpgsql as $$
  declare total bigint := 0; digit text; begin
    foreach digit in array regexp_split_to_array(lower(regexp_replace($1, '^0x', '')), '') loop total := total * $2 + strpos('0123456789abcdefghijklmnopqrstuvwxyz', digit) - 1; end loop;
    return total; end $$;
create function pg_catalog.sha2(text, integer) returns text immutable strict language sql as $$
  select encode(case $2 when 224 then sha224($1::bytea) when 384 then sha384($1::bytea) when 512 then sha512($1::bytea) else sha256($1::bytea) end, 'hex') $$;
create function pg_catalog.is_valid_json(text) returns boolean immutable language plpgsql as $$ begin return $1::jsonb is not null and jsonb_typeof($1::jsonb) = 'object'; exception when others then return false; end $$;
create function pg_catalog.is_valid_json_array(text) returns boolean immutable language plpgsql as $$ begin return jsonb_typeof($1::jsonb) = 'array'; exception when others then return false; end $$;
create function pg_catalog.json_parse(text) returns jsonb immutable strict language sql as $$ select $1::jsonb $$;
create function pg_catalog.json_serialize(jsonb) returns text immutable strict language sql as $$ select $1::text $$;
create function pg_catalog.can_json_parse(text) returns boolean immutable language plpgsql as $$ begin return $1::jsonb is not null; exception when others then return false; end $$;
create function pg_catalog.get_array_length(jsonb) returns integer immutable strict language sql as $$ select jsonb_array_length($1) $$;
create function pg_catalog.json_extract_path_text(text, variadic text[]) returns text immutable strict language sql as $$ select coalesce(($1::jsonb #>> $2), '') $$;
create function pg_catalog.json_array_length(text) returns integer immutable strict language sql as $$ select jsonb_array_length($1::jsonb) $$;
create function pg_catalog.json_extract_array_element_text(text, integer) returns text immutable strict language sql as $$ select $1::jsonb ->> $2 $$;
create function pg_catalog.pg_get_late_binding_view_cols() returns setof record stable language sql as $$
  select n.nspname, c.relname, l.name, l.type, l.number from _redshift.late_columns l join pg_class c on c.oid = l.view join pg_namespace n on n.oid = c.relnamespace $$;
create function pg_catalog.pg_last_copy_count() returns bigint stable language sql as $$ select coalesce(nullif(current_setting('weir.copied', true), ''), '0')::bigint $$;
"""

SCRIPT = SCHEMA + VIEWS + FUNCTIONS
