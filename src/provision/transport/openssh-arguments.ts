import { quote } from './command-line.ts';
import type { ConnectLimits } from './connect-options.ts';
import type { Hop, Route } from './connection.ts';
import { aliasOf, type HopName, type OpenSshFiles } from './openssh-files.ts';

/** How ssh shall look at a host's key: against what we know, or only to tell us which it is. */
export type KeyCheck = 'known' | 'learn';

export interface Connecting {
  readonly route: Route;
  readonly files: OpenSshFiles;
  readonly limits: ConnectLimits;
  readonly check: KeyCheck;
}

/** For a connection that others share through its socket. */
export function masterArguments({ route, files, limits }: Omit<Connecting, 'check'>): readonly string[] {
  return [
    '-MNT',
    `-S${files.socket}`,
    // It tells the key that the host showed; of an option given twice the first counts.
    ...options({ ControlPersist: 'no', LogLevel: 'DEBUG1' }),
    ...hopArguments('machine', route.machine, { route, files, limits, check: 'known' }),
  ];
}

/** For one that ends before it would log in: all it does is to note the host's key. */
export function learnArguments(hop: HopName, connecting: Omit<Connecting, 'check'>): readonly string[] {
  const { route } = connecting;
  const target = hop === 'bastion' ? route.bastion : route.machine;
  if (!target) return [];
  return [
    '-NT',
    '-Snone',
    ...options({ PreferredAuthentications: 'none' }),
    ...hopArguments(hop, target, { ...connecting, check: 'learn' }),
  ];
}

/** For a command through the socket. A ProxyCommand that fails keeps ssh from connecting on its own where the socket is gone. */
export function commandArguments(
  { socket }: OpenSshFiles,
  hop: Hop,
  { line, log }: { readonly line: string; readonly log: string },
): readonly string[] {
  return [
    // Its own words go to a file: on stderr they would mix with the command's.
    '-T',
    '-Fnone',
    `-S${socket}`,
    `-E${log}`,
    ...options({ ControlMaster: 'no', ProxyCommand: 'false', LogLevel: 'DEBUG1' }),
    '--',
    addressOf(hop),
    line,
  ];
}

/** Environment of an ssh that must not ask at a terminal. */
export function askpassEnvironment(files: OpenSshFiles, hop: HopName): Readonly<Record<string, string>> {
  return { SSH_ASKPASS: files.askpass, SSH_ASKPASS_REQUIRE: 'force', HANSA_HOP: hop, DISPLAY: ':0' };
}

function hopArguments(name: HopName, hop: Hop, connecting: Connecting): readonly string[] {
  const { files, limits, check, route } = connecting;
  const { privateKey, agent, password, passphrase } = hop.credential;
  const asks = password !== undefined || passphrase !== undefined;
  return [
    ...options({
      ConnectTimeout: Math.ceil(limits.connectTimeoutMs / 1000),
      ConnectionAttempts: 1,
      ServerAliveInterval: Math.ceil(limits.keepaliveIntervalMs / 1000),
      ServerAliveCountMax: limits.keepaliveCount,
      LogLevel: 'ERROR',
      ...keyCheckOptions(name, hop, files, check),
      BatchMode: asks ? 'no' : 'yes',
      NumberOfPasswordPrompts: 1,
      ForwardAgent: 'no',
      ForwardX11: 'no',
      ClearAllForwardings: 'yes',
      RequestTTY: 'no',
      RemoteCommand: 'none',
      PermitLocalCommand: 'no',
      ...(privateKey !== undefined && {
        IdentityFile: files.key(name),
        IdentitiesOnly: agent ? 'no' : 'yes',
      }),
      ...(privateKey !== undefined && !agent && { IdentityAgent: 'none' }),
      // Else the keys of the user that runs us would be tried, and count as failed logins.
      ...(privateKey === undefined && !agent && password !== undefined && { PubkeyAuthentication: 'no' }),
      ...(name === 'machine' && route.bastion && { ProxyCommand: proxyCommand(route.bastion, connecting) }),
    }),
    `-p${hop.port}`,
    '--',
    addressOf(hop),
  ];
}

function keyCheckOptions(
  name: HopName,
  { trust }: Hop,
  files: OpenSshFiles,
  check: KeyCheck,
): Readonly<Record<string, string>> {
  const common = { GlobalKnownHostsFile: '/dev/null', UpdateHostKeys: 'no', HostKeyAlias: aliasOf(name) };
  if (trust.insecure && check === 'known') {
    return { ...common, StrictHostKeyChecking: 'no', UserKnownHostsFile: '/dev/null' };
  }
  return {
    ...common,
    UserKnownHostsFile: files.knownHosts(name),
    StrictHostKeyChecking: check === 'learn' ? 'accept-new' : 'yes',
    HashKnownHosts: 'no',
    CheckHostIP: 'no',
  };
}

/** ssh gives it to a shell, and reads its `%` as placeholders. */
function proxyCommand(bastion: Hop, connecting: Connecting): string {
  const { machine } = connecting.route;
  const to = `[${machine.host}]:${machine.port}`;
  const args = ['HANSA_HOP=bastion', 'ssh', '-Snone', '-W', to];
  const hopArgs = hopArguments('bastion', bastion, { ...connecting, check: 'known' });
  return ['env', ...args, ...hopArgs].map(quote).join(' ').replaceAll('%', '%%');
}

function options(values: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

function addressOf({ user, host }: Hop): string {
  return `${user}@${host}`;
}
