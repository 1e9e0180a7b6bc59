-- The sales in the attendee's PostgreSQL. On the bastion, after `aws s3 cp SALES sales.csv` (weir output sales):
--     psql "host=… dbname=retail user=weir sslmode=require" -f serve.sql
create schema if not exists gold;

create table if not exists gold.sales (
    affiliate text not null,
    date date not null,
    category text not null,
    purchases integer not null,
    customers integer not null,
    quantity integer not null,
    revenue numeric(14, 2) not null,
    primary key (affiliate, date, category)
);

begin;
truncate gold.sales;
\copy gold.sales from 'sales.csv' with (format csv, header)
commit;

select affiliate, sum(revenue) as revenue from gold.sales group by affiliate order by revenue desc;
