import { HansaError } from '../../src/base/index.ts';
import type { Docker } from './docker.ts';
import { type SshAccess, waitForSsh } from './ssh.ts';

/** All that is needed to find a machine again, also from another process. */
export interface MachineFacts {
  readonly name: string;
  readonly container: string;
  readonly hostname: string;
  readonly ip: string;
  /** On the group's second network, if it has one. */
  readonly secondIp?: string;
  readonly ssh: {
    readonly host: string;
    readonly port: number;
    /** May do everything with sudo, unasked. */
    readonly user: string;
    readonly privateKeyPath: string;
    readonly privateKey: string;
    /** `ssh-ed25519 AAAA…`, as in known_hosts */
    readonly hostKey: string;
    /** `SHA256:…`, as ssh shows it */
    readonly fingerprint: string;
    /** Another user, whose sudo asks for the password. Both users may also log in with it. */
    readonly askedUser: string;
    readonly password: string;
  };
}

/** A container that behaves like a bare machine, and what a test can do to it. */
export interface Machine extends MachineFacts {
  /** Runs a script as root past SSH, for a test's own looks. Fails if the script fails. */
  exec(script: string, options?: { readonly timeoutMs?: number }): Promise<string>;
  /** Shuts it down in order. */
  stop(): Promise<void>;
  /** As if the power were cut. */
  kill(): Promise<void>;
  /** Switches it on, and waits for SSH. Cuts of the network, the skew of the clock and full disks: see each. */
  start(): Promise<void>;
  /** Shuts it down and switches it on. */
  reboot(): Promise<void>;
  /**
   * Lets no packet in or out, or only none from and to the given addresses. Connections hang rather than break, as when
   * a cable is pulled. A restart heals it.
   */
  cutNetwork(options?: { readonly from?: readonly string[] }): Promise<void>;
  healNetwork(): Promise<void>;
  /**
   * Fills a directory's file system up to the given rest.
   * @throws HansaError DiskIsShared unless the machine was started with a disk of its own there (`disks`)
   */
  fillDisk(dir: string, leaveBytes?: number): Promise<void>;
  freeDisk(dir: string): Promise<void>;
  /**
   * Sets the clock that `date` shows; survives a restart. All others keep the true time: containers of one kernel share
   * its clock, and a library that fakes it breaks sshd and does not reach programs written in Go (kubelet, etcd).
   */
  skewClock(seconds: number): Promise<void>;
  healClock(): Promise<void>;
}

const sshLimitMs = 60_000;
const stopGraceSeconds = '20';
const filler = '.filled-by-a-test';
/** Filling more would take the disk of the whole host. */
const largestDiskBytes = 4 * 1024 ** 3;

export function machineOf(docker: Docker, facts: MachineFacts): Machine {
  const { container } = facts;
  const exec: Machine['exec'] = (script, { timeoutMs = 60_000 } = {}) =>
    docker.run(['exec', container, 'bash', '-ec', script], { timeoutMs });
  const stop = async () => void (await docker.run(['stop', '--time', stopGraceSeconds, container]));
  const start = async () => {
    await docker.run(['start', container]);
    await waitForSsh(accessTo(facts), sshLimitMs);
  };
  return {
    ...facts,
    exec,
    stop,
    start,
    kill: async () => void (await docker.run(['kill', container])),
    async reboot() {
      await stop();
      await start();
    },
    cutNetwork: async ({ from } = {}) => void (await exec(cutScript(from))),
    healNetwork: async () =>
      void (await exec('nft destroy table inet cut 2>/dev/null || nft delete table inet cut')),
    async fillDisk(dir, leaveBytes = 0) {
      const text = await exec(`df --block-size=1 --output=size,avail '${dir}' | tail -1`);
      const [size = 0, available = 0] = text.trim().split(/\s+/).map(Number);
      if (size > largestDiskBytes) {
        throw new HansaError(
          `${dir} on ${facts.name} lies on the disk of this host: start the machine with disks: {'${dir}': megabytes}`,
          { reason: 'DiskIsShared', retry: 'never' },
        );
      }
      const bytes = available - leaveBytes;
      if (bytes > 0)
        await exec(
          `fallocate -l ${bytes} '${dir}/${filler}' || dd if=/dev/zero of='${dir}/${filler}' || true`,
        );
    },
    freeDisk: async (dir) => void (await exec(`rm -f '${dir}/${filler}'`)),
    skewClock: async (seconds) => void (await exec(skewScript(seconds))),
    healClock: async () => void (await exec('rm -f /usr/local/sbin/date /usr/local/bin/date')),
  };
}

export function accessTo({ ssh }: MachineFacts): SshAccess {
  return { host: ssh.host, port: ssh.port, user: ssh.user, privateKey: ssh.privateKey };
}

/** A table of its own, so that nobody's rules are touched; loopback stays. */
function cutScript(from: readonly string[] | undefined): string {
  const source = from ? `ip saddr { ${from.join(', ')} }` : 'iifname "eth*"';
  const target = from ? `ip daddr { ${from.join(', ')} }` : 'oifname "eth*"';
  return `nft -f - <<'RULES'
table inet cut
flush table inet cut
table inet cut {
  chain in { type filter hook prerouting priority -500; ${source} drop; }
  chain out { type filter hook postrouting priority 500; ${target} drop; }
}
RULES`;
}

function skewScript(seconds: number): string {
  const offset = `${seconds < 0 ? '' : '+'}${seconds}s`;
  return `library=$(ls /usr/lib/*/faketime/libfaketime.so.1)
cat >/usr/local/bin/date <<DATE
#!/bin/sh
FAKETIME='${offset}' LD_PRELOAD=$library exec /usr/bin/date "\\$@"
DATE
chmod 755 /usr/local/bin/date
cp -p /usr/local/bin/date /usr/local/sbin/date`;
}
