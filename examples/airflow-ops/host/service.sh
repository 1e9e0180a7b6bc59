#!/bin/sh
# Runs Airflow's parts where there is no systemd: service.sh start|stop|restart|runs NAME [WORDS of airflow]
set -eu
here=$(dirname "$0")
does=$1 name=$2
shift 2
pid=$here/$name.pid

runs() {
    [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2> /dev/null
}

start() {
    while IFS= read -r line; do export "$line"; done < "$here/environment"
    mkdir -p "$here/logs"
    setsid airflow "$@" < /dev/null >> "$here/logs/$name.out" 2>&1 &
    echo $! > "$pid"
}

stop() {
    runs || { rm -f "$pid"; return 0; }
    group=$(cat "$pid")
    kill -TERM "-$group" 2> /dev/null || true
    for _ in $(seq 300); do
        kill -0 "-$group" 2> /dev/null || break
        sleep 0.1
    done
    kill -KILL "-$group" 2> /dev/null || true
    rm -f "$pid" "$here/airflow-$name.pid" "$here/airflow-$name-monitor.pid"
}

case $does in
start) runs || start "$@" ;;
stop) stop ;;
restart) stop && start "$@" ;;
runs) runs ;;
*) echo "service.sh: start, stop, restart or runs, not $does" >&2; exit 2 ;;
esac
