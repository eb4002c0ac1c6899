import { randomBytes } from 'node:crypto';
import { type Clock, HansaError, messageOf } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import type { Transport } from './transport.ts';

export interface MachineLockOptions {
  /** Who, such as `alice@laptop (pid 4711)`. */
  readonly owner: string;
  /** What for, such as `upgrade to 1.37.2`. */
  readonly operation: string;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly path?: string;
}

/** Held until it is disposed of. */
export interface MachineLock extends AsyncDisposable {
  /** Fires when it can't be kept any more: then nothing may be changed on the machine. */
  readonly lost: AbortSignal;
}

const lockPath = '/var/lib/hansa/lock';
const heartbeatMs = 10_000;
/** Without a sign of life for this long, a lock is anybody's. */
const staleSeconds = 60;
/** Given up before others may take it. */
const surrenderMs = 45_000;
const deadlineMs = 20_000;

// Ages are told by the machine's uptime: clocks differ between operators, and the machine's own may be set while we hold it.
const common = `
path=$1 nonce=$2
umask 077
mkdir -p "$(dirname "$path")"
command -v flock >/dev/null 2>&1 || { echo "the program flock is missing: install util-linux" >&2; exit 1; }
exec 9>>"$path.guard"
flock -w 15 9 || { echo "the lock file is held by another process" >&2; exit 1; }
boot=$(cat /proc/sys/kernel/random/boot_id)
up=$(cut -d. -f1 /proc/uptime)
line() { sed -n "$1p" "$path" 2>/dev/null; }
write() { { printf '%s\\n' "$@" >"$path.new" && mv -f "$path.new" "$path"; } || exit 1; }
`;

/** Path, nonce, owner, operation. Prints `taken`, or seconds since the last sign of life, seconds held, owner, operation. */
const takeScript = `${common}
if [ -s "$path" ] && [ "$(line 1)" != "$nonce" ] && [ "$(line 2)" = "$boot" ]; then
  quiet=$((up - $(line 3)))
  if [ "$quiet" -le ${staleSeconds} ]; then
    printf '%s\\n' "$quiet" "$((up - $(line 4)))" "$(line 5)" "$(line 6)"
    exit
  fi
fi
write "$nonce" "$boot" "$up" "$up" "$3" "$4"
echo taken
`;

const keepScript = `${common}
if [ "$(line 1)" != "$nonce" ]; then echo "$(line 5)"; exit 3; fi
write "$nonce" "$boot" "$up" "$(line 4)" "$(line 5)" "$(line 6)"
`;

const releaseScript = `${common}
if [ "$(line 1)" = "$nonce" ]; then rm -f "$path"; fi
`;

/**
 * Makes sure that one operation at a time changes a machine.
 * *Throws* HansaError Locked, with the owner and the age. *Guarantees*: a lock whose owner died is free again after 60 s;
 * a lock that was lost says so before another can take it.
 */
export async function lockMachine(transport: Transport, options: MachineLockOptions): Promise<MachineLock> {
  const { owner, operation, signal, clock = systemClock, path = lockPath } = options;
  const nonce = randomBytes(12).toString('hex');
  const taken = await run(transport, takeScript, [path, nonce, oneLine(owner), oneLine(operation)], signal);
  if (taken.code !== 0) throw failed(transport, taken.stderr);
  if (taken.stdout.trim() !== 'taken') throw locked(transport, taken.stdout);

  const lost = new AbortController();
  const released = new AbortController();
  const beating = keepAlive(transport, [path, nonce], { clock, lost, released: released.signal });
  return {
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      if (released.signal.aborted) return;
      released.abort();
      await beating;
      // Where that fails, it is free again when it is stale.
      await run(transport, releaseScript, [path, nonce], undefined).catch(() => undefined);
    },
  };
}

async function keepAlive(
  transport: Transport,
  args: readonly string[],
  { clock, lost, released }: { clock: Clock; lost: AbortController; released: AbortSignal },
): Promise<void> {
  let aliveMs = clock.monotonic();
  // A connection that hangs must not keep us from noticing that our time is over.
  const surrender = () => lost.abort(lockLost(transport, 'the machine could not be reached in time'));
  let cancelSurrender = clock.after(surrenderMs, surrender);
  try {
    while (!released.aborted && !lost.signal.aborted) {
      await clock.sleep(heartbeatMs, released);
      const startedMs = clock.monotonic();
      const result = await run(transport, keepScript, args, released).catch((error: unknown) =>
        messageOf(error),
      );
      if (typeof result === 'string') continue;
      if (result.code === 3) {
        lost.abort(lockLost(transport, `"${result.stdout.trim() || 'nobody'}" has it now`));
      } else if (result.code === 0) {
        aliveMs = startedMs;
        cancelSurrender();
        cancelSurrender = clock.after(Math.max(0, aliveMs + surrenderMs - clock.monotonic()), surrender);
      }
    }
  } catch {
    // Released while it slept.
  } finally {
    cancelSurrender();
  }
}

function run(transport: Transport, script: string, args: readonly string[], signal: AbortSignal | undefined) {
  return transport.exec({ script, args, root: true, deadlineMs, ...(signal && { signal }) });
}

function locked({ address }: Transport, answer: string): HansaError {
  const [quiet = '0', held = '0', owner = '', operation = ''] = answer.split('\n');
  const freeMs = Math.max(1, staleSeconds + 1 - Number(quiet)) * 1000;
  return new HansaError(
    `${address} is being changed by ${owner} (${operation}), for ${held} s, last sign of life ${quiet} s ago: wait for its end; ` +
      `if it was killed, the lock is free ${staleSeconds} s after its last sign of life`,
    { reason: 'Locked', retry: { afterMs: freeMs } },
  );
}

function lockLost({ address }: Transport, why: string): HansaError {
  return new HansaError(
    `the lock on ${address} was lost: ${why}; nothing more is changed there, run it again`,
    {
      reason: 'LockLost',
    },
  );
}

function failed({ address }: Transport, stderr: string): HansaError {
  return new HansaError(`${address} can't be locked: ${stderr.trim()}`, { reason: 'LockFailed' });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
