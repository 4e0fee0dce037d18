#!/usr/bin/env bash
# Writes deploy/.env with a secret of its own for everything that takes one, and a certificate for the balancer under an
# authority made for it. What is there is kept: call it again after an upgrade to add what is new.
#
#   deploy/make-secrets.sh [public host name, default: this machine's]
set -euo pipefail
umask 077
cd "$(dirname "$0")"
command -v openssl >/dev/null || { echo "openssl is needed 需要 openssl" >&2; exit 1; }
env_file=${ZHENGTONG_ENV_FILE:-.env}
folder=${ZHENGTONG_SECRETS_FOLDER:-secrets}
touch "$env_file"
chmod 600 "$env_file"

has() { grep -q "^$1=" "$env_file"; }
put() { has "$1" || { printf '%s=%s\n' "$1" "$2" >>"$env_file"; added=$((added + 1)); }; }
value() { sed -n "s/^$1=//p" "$env_file" | tail -1; }
# Letters and digits only: they stand in URLs and in JAAS texts as they are.
secret() { openssl rand -hex 24; }
added=0

put PUBLIC_HOST "${1:-$(hostname -f 2>/dev/null || hostname)}"
for name in POSTGRES_ADMIN_PASSWORD POSTGRES_OWNER_PASSWORD NEO4J_PASSWORD KAFKA_CENTER_PASSWORD NODE_A_DATABASE_PASSWORD NODE_B_DATABASE_PASSWORD GRAFANA_PASSWORD; do put "$name" "$(secret)"; done
# 16 bytes as base64url without padding, the form that Kafka's tools give. A leading dash would look like an option.
put KAFKA_CLUSTER_ID "Z$(openssl rand -base64 16 | tr '+/' '-_' | tr -d '=' | cut -c2-21)A"
put NODE_A_ENROLMENT_CODE ""
put NODE_B_ENROLMENT_CODE ""
# The balancer runs as the owner of its key; where that is root, as the user of its image.
if [ "$(id -u)" = 0 ]; then put SECRETS_UID 99; put SECRETS_GID 99; else put SECRETS_UID "$(id -u)"; put SECRETS_GID "$(id -g)"; fi

mkdir -p "$folder"
chmod 711 "$folder"
host=$(value PUBLIC_HOST)
if [ ! -s "$folder/balancer.pem" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if [[ $host =~ ^[0-9.]+$ ]]; then public="IP:$host"; else public="DNS:$host"; fi
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Zhengtong authority" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$folder/authority.key" -out "$folder/authority.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=${host:0:64}" -keyout "$work/key.pem" -out "$work/request.pem" 2>/dev/null
  printf 'subjectAltName=%s,DNS:balancer,DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$public" >"$work/extensions"
  openssl x509 -req -in "$work/request.pem" -CA "$folder/authority.pem" -CAkey "$folder/authority.key" -CAcreateserial -days 825 -extfile "$work/extensions" -out "$work/certificate.pem" 2>/dev/null
  cat "$work/certificate.pem" "$folder/authority.pem" "$work/key.pem" >"$folder/balancer.pem"
  rm -f "$folder/authority.srl"
  if [ "$(id -u)" = 0 ]; then chown "$(value SECRETS_UID):$(value SECRETS_GID)" "$folder/balancer.pem"; fi
  added=$((added + 1))
fi
chmod 600 "$folder/balancer.pem" "$folder"/authority.key 2>/dev/null || true
chmod 644 "$folder/authority.pem"
echo "$added written; $env_file and $folder/ (in $PWD) hold the secrets 密钥已生成: keep them, they are in no backup of the databases"
