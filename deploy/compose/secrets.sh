#!/bin/sh
# Makes what compose.yaml needs and nobody else may have: passwords, the key that secrets are sealed with, and three
# people with tokens (dana develops, amir approves, ada administrates). What is there already stays as it is: another
# key would open nothing of what is in the database.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets

if [ -e macadam.env ]; then
    echo "secrets/ is there already; remove it, and the volumes with it, to begin anew" >&2
    exit 0
fi

random() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

password=$(random 24)
access=$(random 10)
secret=$(random 24)

printf '%s' "$password" > postgres-password
printf 'ROOT_ACCESS_KEY=%s\nROOT_SECRET_KEY=%s\n' "$access" "$secret" > s3.env

: > people.toml
: > tokens.txt
person() {
    token="mcd_$(random 32)"
    hash=$(printf '%s' "$token" | sha256sum | cut -d ' ' -f 1)
    printf '%s %s\n' "$1" "$token" >> tokens.txt
    printf '[[people]]\nperson = "%s"\nteam = "%s"\nroles = ["%s"]\ngroups = [%s]\ntoken-sha256 = "%s"\n\n' \
        "$1" "$2" "$3" "$4" "$hash" >> people.toml
}
person dana payments developer ''
person amir platform approver '"platform", "finance"'
person ada platform admin ''
# The containers' user is another one than whoever runs this, and the file has hashes, not tokens.
chmod 644 people.toml
chmod 711 .

# Last, so that a run that was cut off is done again.
{
    printf 'MACADAM_DATABASE=postgres://macadam:%s@postgres/macadam\n' "$password"
    printf 'MACADAM_MASTER_KEY=%s\n' "$(random 32)"
    printf '# Only while the key is replaced: first the new key, then the former one.\n'
    printf '# MACADAM_OTHER_MASTER_KEYS=\n'
    printf 'AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$access" "$secret"
} > macadam.env
echo "written to secrets/; the tokens are in secrets/tokens.txt"
