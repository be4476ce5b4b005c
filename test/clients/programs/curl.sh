#!/bin/sh
# curl.sh API ELSEWHERE FILE CELL...; CURL_OPTIONS are put before the URL.
api=$1 elsewhere=$2 file=$3
shift 3

run_curl() { curl -sS --max-time 20 $CURL_OPTIONS "$@"; }

# fetch CELL URL [OPTION...]
fetch() {
  cell=$1 body=$(mktemp) && shift
  said=$(run_curl -o "$body" -w '"status":%{http_code},"http":"%{http_version}"' "$@")
  printf '{"cell":"%s",%s,"sha256":"%s"}\n' "$cell" "${said:-\"status\":0}" "$(sha256sum "$body" | cut -c -64)"
  rm -f "$body"
}

events() {
  run_curl -N "$api/events" | while IFS= read -r line; do
    case $line in
      data:*)
        run_curl -o /dev/null "$api/ack"
        printf '{"cell":"events","event":"%s"}\n' "${line#data: }"
        ;;
    esac
  done
}

# The first certificate of the chain, as DER.
fingerprint() {
  run_curl -o /dev/null -w '%{certs}' "$1" | sed -n '/-BEGIN/,/-END/p;/-END/q' |
    openssl x509 -noout -fingerprint -sha256 | sed 's/.*=//;s/://g' | tr A-F a-f
}

for cell in "$@"; do
  case $cell in
    upload) fetch upload -H 'Content-Type: application/octet-stream' --data-binary "@$file" "$api/upload" ;;
    events) events ;;
    tunnel)
      fetch tunnel "$elsewhere/get"
      printf '{"cell":"tunnel","certificate":"%s"}\n' "$(fingerprint "$elsewhere/get")"
      ;;
    *) fetch "$cell" "$api/$cell" ;;
  esac
done
