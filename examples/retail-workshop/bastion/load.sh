# Fills the tables from the generator, all or nothing: rows that are there are replaced. For sh; PG* say where, HERE where the generator is, SCALE and SEED what it makes.
set -eu
script='truncate retail.purchase, retail.customer, retail.products_info, retail.zipcode;'
for table in zipcode products_info customer purchase; do
    columns=$(python3 "$HERE/generate.py" "$table" --columns) # the table may have more
    script="$script
\\copy retail.$table ($columns) from program 'python3 $HERE/generate.py $table --scale $SCALE --seed $SEED' with (format csv)"
done
printf '%s\n' "$script" | psql -qX -v ON_ERROR_STOP=1 --single-transaction >&2
psql -qX -v ON_ERROR_STOP=1 -c 'analyze retail.purchase' >&2
psql -qAtX -c "select json_build_object('customer', (select count(*) from retail.customer), 'products_info', (select count(*) from retail.products_info),
    'zipcode', (select count(*) from retail.zipcode), 'purchase', (select count(*) from retail.purchase))"
