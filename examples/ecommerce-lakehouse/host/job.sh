#!/bin/sh
# Runs a job of the lakehouse: job.sh NAME WORDS…
set -eu
here=$(cd "$(dirname "$0")" && pwd)
while IFS= read -r line; do export "$line"; done < "$here/environment"
name=$1
shift
exec spark-submit --properties-file "$here/spark.conf" --py-files "$here/jobs/lib.zip" "$here/jobs/$name.py" --tables lake. "$@"
