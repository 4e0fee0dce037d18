#!/bin/sh
# Runs once, in an empty volume: a user that owns the two databases of the centre and nothing else.
set -eu
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -v password="$ZHENGTONG_OWNER_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
create role zhengtong login password :'password';
create database center owner zhengtong template template0 encoding 'UTF8' locale 'C';
create database city owner zhengtong template template0 encoding 'UTF8' locale 'C';
revoke connect, temporary on database center, city from public;
SQL
