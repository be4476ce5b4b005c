#!/bin/sh
# git.sh API ELSEWHERE FILE CELL...: a clone is its GET. The vendor is a plain file server.
api=$1 elsewhere=$2
shift 3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

clone() {
  GIT_TRACE_CURL="$folder/trace" git clone -q "$2" "$folder/$1" && status=200 || status=0
  grep -q 'header: HTTP/2 200' "$folder/trace" && http=2 || http=1.1
  printf '{"cell":"%s","status":%s,"http":"%s","commit":"%s"}\n' \
    "$1" "$status" "$http" "$(git -C "$folder/$1" rev-parse HEAD)"
}

for cell in "$@"; do
  case $cell in
    tunnel) clone tunnel "$elsewhere/get.git" ;;
    *) clone "$cell" "$api/$cell.git" ;;
  esac
done
