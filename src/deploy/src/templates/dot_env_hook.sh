#!/bin/sh
# Written by beanpole for this bundle. Fetches the application's secrets on the instance.
# Beanstalk runs it as root, for every deployment and for every change of the configuration. When it
# fails, the deployment fails.
set -eu
cd "$(dirname "$0")/../../.."
for tool in python3 aws; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "beanpole: $tool is not on this instance; secrets of the mode dotenv need it (Amazon Linux 2023 has it)" >&2
        exit 1
    }
done
exec python3 -I .beanpole/dot_env.py .beanpole/dot_env.json
