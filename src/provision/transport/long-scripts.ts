import { HansaError } from '../../base/index.ts';

/** Exit code of the look: nothing is known of that id. */
export const notThere = 44;
/** Of each output in one look. */
export const chunkBytes = 192 * 1024;

/**
 * What systemd runs. `started` is made by a link, which only one can make, and tells the process: so that nothing runs twice,
 * and whoever looks knows whether it still does. The exit code is the last thing written.
 */
export const wrapperScript = `
dir=$1
cd /
export LC_ALL=C HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
stat=$(cat /proc/$$/stat); set -- \${stat##*) }
printf '%s %s\\n' "$$" "\${20}" >"$dir/started.$$"
ln "$dir/started.$$" "$dir/started" || exit 0
rm -f "$dir/started.$$"
sync "$dir/started" "$dir" 2>/dev/null || sync
. "$dir/args"
exec 3<"$dir/stdin"
rm -f "$dir/stdin"
umask 022
code=0
sh -eu "$dir/script" "$@" <&3 3<&- >>"$dir/stdout" 2>>"$dir/stderr" || code=$?
umask 077
printf '%s\\n' "$code" >"$dir/rc.new"
sync "$dir/rc.new" 2>/dev/null || sync
mv -f "$dir/rc.new" "$dir/rc"
`;

const isRunning = `
dir=$1/$2 unit=hansa-$2.service
has_systemd() { [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1; }
unit_is_up() {
  has_systemd || return 1
  case $(systemctl show -p ActiveState --value "$unit" 2>/dev/null) in active|activating|reloading|deactivating) ;; *) return 1 ;; esac
}
start_time() {
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- \${stat##*) }
  [ "$1" != Z ] && echo "\${20}"
}
is_running() {
  [ -s "$dir/started" ] || { unit_is_up; return; }
  read -r pid time <"$dir/started"
  [ "$(start_time "$pid")" = "$time" ]
}
`;

/** Directory, id, hash, seconds it may take at most, bytes on stdin, wrapper, script, arguments as a line of shell. */
export const startScript = `${isRunning}
hash=$3 limit=$4 size=$5
umask 077
mkdir -p "$1"
find "$1" -mindepth 2 -maxdepth 2 -name rc -mtime +30 2>/dev/null | while read -r old; do rm -rf "\${old%/rc}"; done
if [ ! -d "$dir" ]; then
  new=$(mktemp -d "$1/.new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  cat >"$new/stdin"
  [ "$(wc -c <"$new/stdin")" -eq "$size" ] || { echo "its input did not arrive whole" >&2; exit 124; }
  printf '%s' "$6" >"$new/run"
  printf '%s' "$7" >"$new/script"
  printf '%s' "$8" >"$new/args"
  printf '%s' "$hash" >"$new/hash"
  : >"$new/stdout"
  : >"$new/stderr"
  sync
  mv -T "$new" "$dir" 2>/dev/null || mv "$new" "$dir"
  trap - EXIT
fi
[ "$(cat "$dir/hash")" = "$hash" ] || { echo differs; exit; }
if [ ! -e "$dir/started" ] && ! is_running; then
  if has_systemd; then
    systemctl reset-failed "$unit" 2>/dev/null || :
    systemd-run --quiet --collect --unit="$unit" --property=RuntimeMaxSec="$limit" --description="hansa $2" \\
      /bin/sh "$dir/run" "$dir" || unit_is_up || [ -e "$dir/started" ]
  else
    setsid nohup /bin/sh "$dir/run" "$dir" </dev/null >/dev/null 2>&1 &
  fi
fi
waited=0
while [ ! -e "$dir/started" ]; do
  waited=$((waited + 1))
  [ "$waited" -le 300 ] || { echo "it was not started within 30 s" >&2; exit 1; }
  sleep 0.1
done
echo there
`;

/** Directory, id, bytes of stdout and of stderr we have, seconds to wait for news. */
export const lookScript = `${isRunning}
[ -d "$dir" ] || exit ${notThere}
news() { [ "$(wc -c <"$dir/stdout")" -gt "$1" ] || [ "$(wc -c <"$dir/stderr")" -gt "$2" ]; }
looks=$(($5 * 5))
while :; do
  if [ -e "$dir/rc" ]; then state="ended $(cat "$dir/rc")"; break; fi
  # Its end may have come between the two questions.
  if ! is_running && [ ! -e "$dir/rc" ]; then state=interrupted; rm -f "$dir/stdin"; break; fi
  if [ "$looks" -le 0 ] || news "$3" "$4"; then state=running; break; fi
  looks=$((looks - 1))
  sleep 0.2
done
piece() { tail -c "+$(($2 + 1))" "$dir/$1" | head -c ${chunkBytes} | base64 | tr -d '\\n'; echo; }
echo "$state"
piece stdout "$3"
piece stderr "$4"
`;

/** Directory, id. */
export const stopScript = `${isRunning}
is_running || exit 0
if unit_is_up; then systemctl stop "$unit"; exit; fi
read -r pid time <"$dir/started"
kill -TERM "-$pid" 2>/dev/null || :
for _ in 1 2 3 4 5 6 7 8 9 10; do is_running || exit 0; sleep 0.5; done
kill -KILL "-$pid"
`;

/** Directory, id. */
export const forgetScript = `${isRunning}
[ -d "$dir" ] || exit 0
if [ ! -e "$dir/rc" ] && is_running; then echo "it is still running" >&2; exit 1; fi
# Its unit goes a moment after its exit code is there; until then its name is taken.
for _ in 1 2 3 4 5 6 7 8 9 10; do unit_is_up || break; sleep 0.3; done
rm -rf "$dir"
`;

export interface Glance {
  readonly state:
    | { readonly kind: 'running' }
    | { readonly kind: 'interrupted' }
    | { readonly kind: 'ended'; readonly code: number };
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** What the look printed. @throws HansaError if that isn't whole */
export function readGlance(text: string): Glance {
  const [state = '', stdout = '', stderr = '', rest] = text.split('\n');
  const [kind, code] = state.split(' ');
  const pieces = { stdout: Buffer.from(stdout, 'base64'), stderr: Buffer.from(stderr, 'base64') };
  if (rest !== undefined && (kind === 'running' || kind === 'interrupted'))
    return { state: { kind }, ...pieces };
  if (rest !== undefined && kind === 'ended' && /^\d+$/.test(code ?? '')) {
    return { state: { kind, code: Number(code) }, ...pieces };
  }
  throw new HansaError(
    'the machine gave an answer that can not be read about a long command: is something printed by its login scripts?',
    { reason: 'LongCommandFailed' },
  );
}
