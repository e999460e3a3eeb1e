#!/bin/sh
# Written by beanpole for this bundle. Runs the release step on the leader: container_commands call it.
#
# The commands run in a container of the new version; what it prints goes to Beanstalk's own log, and every few seconds
# to S3, where the release engineer's machine reads it. The exit code is the container's. Trouble with the upload is
# told once and changes nothing else.
#
# The key lies below resources/environments/logs: the bucket policy that Beanstalk writes lets the instance profile put
# objects there (Sid eb-ad78f54a-f239-4c90-adda-49e5f56cb51e), and so does the managed policy
# AWSElasticBeanstalkWebTier (Sid BucketAccess).
set -u
cd "$(dirname "$0")/.." || exit 1
PATH="$PATH:/opt/elasticbeanstalk/bin"
every="${1:-5}"
umask 077
work=$(mktemp -d) || exit 1
: >"$work/log"
trap 'rm -rf "$work"' EXIT

# Where the log goes: the account and the region that the instance itself says it is in.
metadata() {
    token=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
        http://169.254.169.254/latest/api/token) || return 1
    curl -sf -m 5 -H "X-aws-ec2-metadata-token: $token" \
        http://169.254.169.254/latest/dynamic/instance-identity/document
}
field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
destination() {
    document=$(metadata) || return 1
    region=$(printf '%s\n' "$document" | field region)
    account=$(printf '%s\n' "$document" | field accountId)
    environment=$(get-config container -k environment_name) || return 1
    [ -n "$region" ] && [ -n "$account" ] && [ -n "$environment" ] || return 1
    printf 's3://elasticbeanstalk-%s-%s/resources/environments/logs/beanpole/%s/release.log\n' \
        "$region" "$account" "$environment"
}
upload() {
    cp "$work/log" "$work/copy" &&
        timeout 30 aws s3 cp --only-show-errors --region "$region" --content-type 'text/plain; charset=utf-8' \
            "$work/copy" "$target" >"$work/trouble" 2>&1
}
# Uploads what is new until the file `done` appears, and then once more.
stream() {
    sent=-1
    failures=0
    while :; do
        if [ -e "$work/done" ]; then last=1; else last=0; fi
        size=$(wc -c <"$work/log")
        if [ "$size" -ne "$sent" ] && { [ "$failures" -lt 3 ] || [ "$last" -eq 1 ]; }; then
            if upload; then
                sent=$size
                failures=0
            else
                failures=$((failures + 1))
                if [ "$failures" -eq 1 ]; then
                    echo "beanpole: the log of the release step was not uploaded: $(tr '\n' ' ' <"$work/trouble")"
                fi
            fi
        fi
        [ "$last" -eq 1 ] && return
        # The end is noticed at once, not after the whole pause.
        left=$every
        while [ "$left" -gt 0 ] && [ ! -e "$work/done" ]; do
            sleep 1
            left=$((left - 1))
        done
    done
}

region=
if target=$(destination); then
    region=${target#s3://elasticbeanstalk-}
    region=${region%%/*}
    region=${region%-*}
    stream &
    streamer=$!
else
    echo "beanpole: the log of the release step is not streamed: the instance does not know where it belongs"
    streamer=
fi

# The first line tells this log from the one before it, which has the same key.
# A shell of this kind knows no pipefail: the code goes through a file.
{
    printf '@beanpole {"event": "log", "id": "%s"}\n' "${work##*.}"
    docker compose run --rm --no-deps -T release 2>&1 </dev/null
    echo $? >"$work/code"
} | tee "$work/log"
: >"$work/done"
[ -z "$streamer" ] || wait "$streamer"
code=$(cat "$work/code" 2>/dev/null)
exit "${code:-1}"
