import { type ChildProcess, spawn } from 'node:child_process';
import type { ProcessIdentity } from './process-identity.ts';

/**
 * Ends an attached sandbox's processes when the one that started them is killed without a chance to do it itself.
 *
 * *Flow*: a shell reads `<pid> <start>` lines from a pipe whose other end only our process holds. The kernel closes it
 * when we die, however that happens; the shell sees the end of its input and kills what it was told, each only if it is
 * still the same process. `end` sends it home.
 * *Caveats*: a killed shell leaves the work to the next `up` or `down`, which reads the same from state.json.
 */
export interface Watchdog extends Disposable {
  guard(identity: ProcessIdentity): void;
}

const script = `
trap '' INT TERM HUP
start_of() {
  if [ -r "/proc/$1/stat" ]; then
    # Fields count from behind the command name, which stands in parentheses.
    rest=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)
    set -- $rest
    [ "$1" = Z ] || echo "\${20}"
  else
    LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_' | sed 's/^_//; s/_$//'
  fi
}
guarded=''
while read -r pid start; do
  [ "$pid" = end ] && exit 0
  guarded="$guarded $pid:$start"
done
for each in $guarded; do
  pid=\${each%%:*}
  start=\${each#*:}
  [ "$(start_of "$pid")" = "\${start%%@*}" ] && kill -KILL "$pid" 2>/dev/null
done
`;

export function startWatchdog(): Watchdog {
  const shell: ChildProcess = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  const { stdin } = shell;
  // Without a shell there is no watchdog, and the next run cleans up instead.
  shell.on('error', () => {});
  stdin?.on('error', () => {});
  shell.unref();
  (stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return {
    guard: ({ pid, start }) => void stdin?.write(`${pid} ${start}\n`),
    [Symbol.dispose]: () => void stdin?.end('end\n'),
  };
}
