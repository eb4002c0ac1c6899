import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { setTimeout as after } from 'node:timers/promises';
import { HansaError } from '../../base/index.ts';
import { type Child, killGroup, startChild } from './child-process.ts';
import type { ConnectLimits } from './connect-options.ts';
import type { Hop, Route } from './connection.ts';
import { orAborted } from './failures.ts';
import { fingerprintOf } from './host-key.ts';
import { askpassEnvironment, learnArguments, masterArguments } from './openssh-arguments.ts';
import type { HopName, OpenSshFiles } from './openssh-files.ts';
import { lastLine, programMissing } from './openssh-talk.ts';

const lookForSocketMs = 40;
/** ssh ends itself at ConnectTimeout; this is for one that doesn't. */
const graceMs = 5000;

export interface Connecting {
  readonly route: Route;
  readonly files: OpenSshFiles;
  readonly limits: ConnectLimits;
  readonly signal: AbortSignal;
}

export interface Master {
  readonly child: Child;
  readonly exited: Promise<void>;
}

export function hopsOf({ bastion, machine }: Route): readonly (readonly [HopName, Hop])[] {
  return [...(bastion ? [['bastion', bastion] as const] : []), ['machine', machine] as const];
}

/** Connects without logging in, to see the key of a host we know nothing of. @throws HansaError HostKeyUnknown, HostKeyChanged */
export async function learnKey({
  name,
  hop,
  ...connecting
}: Connecting & { readonly name: HopName; readonly hop: Hop }): Promise<void> {
  const { files, limits, signal } = connecting;
  const child = startChild('ssh', learnArguments(name, connecting), sshEnvironment(files, name, hop));
  const talk = listen(child);
  child.stdin.end();
  try {
    const ended = orAborted(once(child, 'close'), signal);
    await Promise.race([ended, after(limits.connectTimeoutMs + graceMs, undefined, { ref: false })]);
  } catch (error) {
    throw signal.aborted ? error : programMissing(error);
  } finally {
    killGroup(child);
  }
  const shown = await files.readNewKey(name);
  if (shown === undefined) throw unreachable(hop, talk());
  await hop.trust.checkText(hop.address, shown);
  await files.writeKnownHosts(name, await hop.trust.known());
}

// The shell ends ssh when our end of its stdin closes, which is also how it learns that we were killed.
const tether = `exec 3<&0
"$@" </dev/null 3<&- & ssh=$!
{ cat <&3; kill "$ssh"; } >/dev/null 2>&1 &
wait "$ssh"`;

/** The ssh that holds the connection. */
export async function startMaster(connecting: Connecting): Promise<Master> {
  const { route, files, limits, signal } = connecting;
  const { machine } = route;
  const args = ['-c', tether, 'sh', 'ssh', ...masterArguments(connecting)];
  const child = startChild('sh', args, sshEnvironment(files, 'machine', machine));
  const talk = listen(child);
  child.stdout.resume();
  const exited = once(child, 'exit').then(() => undefined);
  let isGone = false;
  void exited.then(() => {
    isGone = true;
  });
  try {
    const untilMs = performance.now() + limits.connectTimeoutMs + graceMs;
    while (!(await exists(files.socket))) {
      if (isGone) throw await explain(connecting, talk());
      if (performance.now() > untilMs) throw unreachable(machine, 'no answer in time');
      await after(lookForSocketMs, undefined, { signal });
    }
  } catch (error) {
    child.stdin.end();
    killGroup(child);
    throw signal.aborted ? signal.reason : error;
  }
  await noteShownKey(machine, talk());
  return { child, exited };
}

/** Why ssh could not connect. */
async function explain(connecting: Connecting, said: string): Promise<unknown> {
  const { route, files } = connecting;
  const { machine, bastion } = route;
  if (/host key verification failed|host identification has changed|revoked/i.test(said)) {
    try {
      for (const [name, hop] of hopsOf(route)) {
        if (hop.trust.insecure) continue;
        // ssh tells only that it differs; our error shall tell both keys.
        await files.writeKnownHosts(name, {
          ...(await hop.trust.known()),
          pinned: [],
          recorded: [],
          knownHosts: [],
        });
        await learnKey({ ...connecting, name, hop });
      }
    } catch (error) {
      return error;
    }
    return unreachable(machine, said);
  }
  if (/permission denied|too many authentication failures/i.test(said)) {
    const whom = bastion ? `${machine.address} or its bastion ${bastion.address}` : machine.address;
    return new HansaError(
      `${whom} does not let us in (${lastLine(said)}): put the key into ~/.ssh/authorized_keys there, or correct the credential`,
      { reason: 'AuthenticationFailed', retry: 'never' },
    );
  }
  if (/ssh: not found|ssh: command not found/i.test(said)) return programMissing(said);
  return unreachable(machine, said);
}

function unreachable({ address }: Hop, said: string): HansaError {
  return new HansaError(
    `${address} can't be reached over ssh: ${lastLine(said) || 'ssh ended without a word'}`,
    {
      reason: 'Unreachable',
    },
  );
}

/** Which of the known keys it was, from ssh's own words. */
async function noteShownKey({ trust, address }: Hop, said: string): Promise<void> {
  const shown = /Server host key: \S+ (SHA256:\S+)/.exec(said)?.[1];
  const { pinned, recorded, knownHosts } = await trust.known();
  const key = [...pinned, ...recorded, ...knownHosts].find((one) => fingerprintOf(one) === shown);
  if (key) await trust.checkText(address, key);
}

function sshEnvironment(files: OpenSshFiles, name: HopName, hop: Hop): NodeJS.ProcessEnv {
  const { SSH_AUTH_SOCK: _, ...env } = process.env;
  const agent = hop.agentSocket && { SSH_AUTH_SOCK: hop.agentSocket };
  return { ...env, ...agent, ...askpassEnvironment(files, name) };
}

const keptTalk = 64 * 1024;

function listen(child: Child): () => string {
  let said = '';
  child.once('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-keptTalk);
  });
  return () => said;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
