#!/usr/bin/env bash
# Builds the image and runs it as a sidecar, without an engine: an app, its sidecar and an upstream that fails twice share
# one network. Shows what the app sees with and without, and that a SIGTERM loses nothing. Removes what it started.
#
#   examples/sidecar-run.sh            NODE_IMAGE   base of both stages; default node:20-slim
#                                      EXTRA_ROOTS  PEM file that the build has to trust besides the public roots
#                                      KEEP_IMAGE=1 leaves the image mulligan:sidecar-run behind
#
# Needs buildah, podman and runc. Where the base cannot be pulled and debootstrap is there, it is made of Debian and the
# node and npm of this machine, which takes root and a minute; it stays, as localhost/node:sidecar-run.
set -euo pipefail
cd "${0%/*}/.."

NODE_IMAGE=${NODE_IMAGE:-node:20-slim}
MADE_IMAGE=localhost/node:sidecar-run
IMAGE=localhost/mulligan:sidecar-run
NAME=sidecar-run-$$
DRAIN=25                                  # shutdown.drain of sidecar.yaml, seconds

missing=()
for tool in buildah podman runc; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
  echo "not on this machine: ${missing[*]} (Debian: apt-get install buildah podman runc debootstrap)" >&2
  exit 2
fi

engine=(podman --runtime runc)
limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --no-healthcheck)
if [ ! -d /run/systemd/system ]; then     # inside a container or a small machine: what works there
  export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
  engine+=(--cgroup-manager cgroupfs)
fi

work=$(mktemp -d)
clean_up() {
  # One after the other: the network goes last.
  local name
  for name in "$NAME-app" "$NAME" "$NAME-upstream"; do
    "${engine[@]}" rm --force --time 0 "$name" >/dev/null 2>&1 || true
  done
  "${engine[@]}" volume rm --force "$NAME" >/dev/null 2>&1 || true
  [ "${KEEP_IMAGE:-}" = 1 ] || "${engine[@]}" rmi "$IMAGE" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT

# Debian's minimal system with this machine's node and npm, as if it were the official image.
make_base() {
  command -v debootstrap >/dev/null || { echo "cannot pull $NODE_IMAGE, and there is no debootstrap" >&2; exit 2; }
  local root=$work/base modules container
  debootstrap --variant=minbase --include=ca-certificates stable "$root" >"$work/debootstrap.log" \
    || { tail -5 "$work/debootstrap.log" >&2; exit 1; }
  mkdir -p "$root/usr/local/lib/node_modules"
  modules=$(npm root --global --silent)
  cp "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
  cp -r "$modules/npm" "$root/usr/local/lib/node_modules/"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$root" / >/dev/null
  buildah commit --quiet "$container" "$MADE_IMAGE" >/dev/null
  buildah rm "$container" >/dev/null
}

step() { printf '\n== %s\n' "$*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
expect() { [ "$2" = "$3" ] && echo "ok: $1: $2" || fail "$1: $2 instead of $3"; }

step "base $NODE_IMAGE"
if ! buildah inspect --type image "$NODE_IMAGE" >/dev/null 2>&1 && ! buildah pull --quiet "$NODE_IMAGE" 2>"$work/pull.log"; then
  tail -1 "$work/pull.log"
  NODE_IMAGE=$MADE_IMAGE
  buildah inspect --type image "$NODE_IMAGE" >/dev/null 2>&1 || make_base
fi

step 'build'
trust=()
if [ -n "${EXTRA_ROOTS:-}" ]; then
  trust=(--volume "$(readlink -f "$EXTRA_ROOTS"):/run/roots.pem:ro" --build-arg NODE_EXTRA_CA_CERTS=/run/roots.pem)
fi
buildah bud --quiet --format docker --network host --build-arg "NODE_IMAGE=$NODE_IMAGE" "${trust[@]}" \
  --tag "$IMAGE" . >"$work/build.log" 2>&1 || { tail -20 "$work/build.log" >&2; fail 'the image cannot be built'; }
"${engine[@]}" images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep -F -e "$IMAGE" -e "$NODE_IMAGE"

# An upstream that answers 503 twice before each 200, and holds /slow for two seconds.
cat >"$work/upstream.mjs" <<'JS'
import { createServer } from 'node:http'
const seen = new Map()
let held = 0
createServer(async (request, response) => {
  if (request.url === '/held') return response.end(String(held))
  if (request.url.startsWith('/slow')) {
    held++
    await new Promise(resolve => setTimeout(resolve, 2000))
    return response.end('slow')
  }
  const count = (seen.get(request.url) ?? 0) + 1
  seen.set(request.url, count)
  console.log(request.url, count < 3 ? 503 : 200)
  response.writeHead(count < 3 ? 503 : 200).end('done')
}).listen(9000, '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
JS

# An app that knows HTTP_PROXY as every HTTP client does, and nothing of mulligan.
cat >"$work/app.mjs" <<'JS'
import { get } from 'node:http'
const proxy = process.env.HTTP_PROXY && new URL(process.env.HTTP_PROXY)
const fetchStatus = (url, via = proxy) =>
  new Promise(resolve => {
    const { host, hostname, port, pathname } = new URL(url)
    const to = via ? { host: via.hostname, port: via.port, path: url } : { host: hostname, port, path: pathname }
    const failed = error => resolve({ status: error.code, body: '' })
    get({ ...to, headers: { host }, agent: false }, response => {
      let body = ''
      response.on('data', data => (body += data)).on('end', () => resolve({ status: response.statusCode, body }))
      response.on('error', failed)
    }).on('error', failed)
  })
const [what, url, count] = process.argv.slice(2)
if (what === 'get') console.log((await fetchStatus(url)).status)
if (what === 'load') {
  const all = Promise.all(Array.from({ length: Number(count) }, (_, i) => fetchStatus(`${url}/slow/${i}`)))
  while ((await fetchStatus(`${url}/held`, undefined)).body !== count) await new Promise(setImmediate)
  console.log('accepted')
  console.log((await all).filter(({ status }) => status === 200).length)
}
JS

run() {                                   # run NAME NETWORK [OPTIONS] IMAGE [ARGS]
  local name=$1 network=$2
  shift 2
  "${engine[@]}" run --name "$name" --network "$network" "${limits[@]}" "$@"
}
app() {                                   # app [OPTIONS --] ARGS of app.mjs
  local options=()
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  run "$NAME-app" "container:$NAME-upstream" --rm --user 1000:1000 --volume "$work/app.mjs:/app.mjs:ro" \
    "${options[@]}" "$NODE_IMAGE" node /app.mjs "$@"
}
PROXIED=(--env HTTP_PROXY=http://127.0.0.1:8402)
chmod 755 "$work"
chmod 644 "$work"/*.mjs

step 'one network: upstream, sidecar (read-only root, uid 1000, no capabilities)'
run "$NAME-upstream" none --detach --user 1000:1000 --volume "$work/upstream.mjs:/upstream.mjs:ro" \
  "$NODE_IMAGE" node /upstream.mjs >/dev/null
run "$NAME" "container:$NAME-upstream" --detach --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
  --volume "$PWD/examples/sidecar.yaml:/etc/mulligan/mulligan.yaml:ro" --volume "$NAME:/var/lib/mulligan" \
  "$IMAGE" >/dev/null
for _ in $(seq 50); do
  ready=$(app -- get http://127.0.0.1:8403/readyz)
  [ "$ready" = 200 ] && break
done
expect '/readyz' "$ready" 200
expect 'user' "$("${engine[@]}" exec "$NAME" id -u)" 1000
expect 'process 1' "$("${engine[@]}" exec "$NAME" cat /proc/1/comm)" node
expect 'writes to the root' "$("${engine[@]}" exec "$NAME" sh -c 'touch /app/x 2>/dev/null && echo allowed || echo refused')" refused

step 'the upstream answers 503, 503, 200'
expect 'the app without HTTP_PROXY sees' "$(app -- get http://127.0.0.1:9000/alone)" 503
expect 'the app with HTTP_PROXY sees' "$(app "${PROXIED[@]}" -- get http://127.0.0.1:9000/proxied)" 200
expect 'attempts at the upstream' "$("${engine[@]}" logs "$NAME-upstream" | grep -c /proxied)" 3

step 'SIGTERM with 20 requests on their way'
coproc LOAD { app "${PROXIED[@]}" -- load http://127.0.0.1:9000 20; }
exec 3<&"${LOAD[0]}"
load=$LOAD_PID
read -r accepted <&3
expect 'the upstream holds them all' "$accepted" accepted
from=$SECONDS
"${engine[@]}" kill --signal TERM "$NAME" >/dev/null
code=$("${engine[@]}" wait "$NAME")
took=$((SECONDS - from))
read -r answered <&3
wait "$load"
expect 'answered with 200' "$answered" 20
expect 'exit code of the sidecar' "$code" 0
[ "$took" -lt "$DRAIN" ] && echo "ok: drained in $took s, of $DRAIN s" || fail "drained in $took s"
expect 'its last word' "$("${engine[@]}" logs "$NAME" | grep -o '"clean":true.*"msg":"stopped"' | tail -1)" '"clean":true,"msg":"stopped"'
echo
echo 'all as promised'
