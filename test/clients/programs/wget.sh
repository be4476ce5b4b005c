#!/bin/sh
# wget.sh API ELSEWHERE FILE CELL...
api=$1 elsewhere=$2 file=$3
shift 3

run_wget() { wget -nv --tries=1 --timeout=20 "$@"; }

# fetch CELL URL [OPTION...]: wget prints no status, and fails for any but success
fetch() {
  cell=$1 body=$(mktemp) && shift
  run_wget -O "$body" "$@" && status=200 || status=0
  printf '{"cell":"%s","status":%s,"sha256":"%s"}\n' "$cell" "$status" "$(sha256sum "$body" | cut -c -64)"
  rm -f "$body"
}

events() {
  run_wget -O - "$api/events" | while IFS= read -r line; do
    case $line in
      data:*)
        run_wget -O /dev/null "$api/ack"
        printf '{"cell":"events","event":"%s"}\n' "${line#data: }"
        ;;
    esac
  done
}

for cell in "$@"; do
  case $cell in
    upload) fetch upload --header='Content-Type: application/octet-stream' --post-file="$file" "$api/upload" ;;
    events) events ;;
    tunnel) fetch tunnel "$elsewhere/get" ;;
    *) fetch "$cell" "$api/$cell" ;;
  esac
done
