# Fills the tables from the generator, all or nothing: rows that are there are replaced. For sh; PG* say where, HERE where the generator is, SCALE and SEED what it makes.
set -eu
{
    echo 'truncate retail.purchase, retail.customer, retail.products_info, retail.zipcode;'
    for table in zipcode products_info customer purchase; do
        printf "\\\\copy retail.%s from program 'python3 %s/generate.py %s --scale %s --seed %s' with (format csv)\\n" "$table" "$HERE" "$table" "$SCALE" "$SEED"
    done
} | psql -qX -v ON_ERROR_STOP=1 --single-transaction >&2
psql -qX -v ON_ERROR_STOP=1 -c 'analyze retail.purchase' >&2
psql -qAtX -c "select json_build_object('customer', (select count(*) from retail.customer), 'products_info', (select count(*) from retail.products_info),
    'zipcode', (select count(*) from retail.zipcode), 'purchase', (select count(*) from retail.purchase))"
