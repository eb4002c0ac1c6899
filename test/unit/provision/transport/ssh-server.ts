import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from 'ssh2';
import type { SshTarget } from '../../../../src/provision/plan/cluster-spec.ts';
import type { Credential } from '../../../../src/provision/transport/index.ts';

export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

/** OpenSSH texts. */
export function makeKeyPair(passphrase?: string): KeyPair {
  const options = passphrase !== undefined && { passphrase, cipher: 'aes256-ctr', rounds: 4 };
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { ...options } as Ed25519Options);
    // About one in 200 that ssh2 1.17 makes can't be read by anybody, ssh-keygen included.
    if (!(ssh2.utils.parseKey(pair.private, passphrase) instanceof Error)) return pair;
  }
}

type Ed25519Options = Parameters<typeof ssh2.utils.generateKeyPairSync<'ed25519'>>[1];

/** What the server does with a command instead of running it. */
export type Misdeed =
  | 'run'
  /** Takes it and says nothing, for ever. */
  | 'hang'
  /** Closes the connection before / after it has run. */
  | 'drop'
  | 'drop-after'
  /** Answers the request with a failure. */
  | 'refuse'
  /** Ends the channel without an exit code. */
  | 'no-code'
  | { readonly exit: number }
  | { readonly killedBy: string };

export interface SshServerOptions {
  readonly hostKey?: KeyPair;
  readonly password?: string;
  /** Keys that may log in. */
  readonly publicKeys?: readonly string[];
  /** Passwords only in answer to questions, as PAM does it. */
  readonly asksQuestions?: boolean;
  /** Sessions at once in a connection. */
  readonly maxSessions?: number;
  /** Comes first in PATH of what runs. */
  readonly binDir?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly mayForward?: boolean;
}

export const testPassword = 'correct horse battery';

/** A small sshd in this process: runs `sh` for real, and can be told to fail in many ways. */
export class SshServer implements AsyncDisposable {
  port = 0;
  hostKey: KeyPair;
  /** Asked for each command, with how many came before it. */
  onCommand: (line: string, before: number) => Misdeed = () => 'run';
  readonly options: SshServerOptions;
  readonly commands: string[] = [];
  /** Each attempt to log in: `password`, `publickey`, … */
  readonly logins: string[] = [];
  readonly passwords: string[] = [];
  connections = 0;
  mostSessions = 0;
  refusedSessions = 0;
  forwarded = 0;
  #server: ssh2.Server | undefined;
  readonly #open = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #children = new Set<ChildProcess>();

  constructor(options: SshServerOptions) {
    this.options = options;
    this.hostKey = options.hostKey ?? makeKeyPair();
  }

  static async start(options: SshServerOptions = {}): Promise<SshServer> {
    const server = new SshServer(options);
    await server.listen();
    return server;
  }

  async listen(): Promise<void> {
    const server = new ssh2.Server({ hostKeys: [this.hostKey.private] }, (connection) =>
      this.#serve(connection),
    );
    // It hides its sockets; they are needed to cut them.
    const { _srv: tcp } = server as unknown as { readonly _srv: Server };
    tcp.on('connection', (socket) => {
      // As sshd does: else each answer waits 40 ms for the packet to fill.
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts all connections, as a reset does. */
  drop(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Bytes that no ssh message has. */
  garble(): void {
    for (const socket of this.#sockets) socket.write(Buffer.alloc(4096, 0x5a));
  }

  async stop(): Promise<void> {
    this.drop();
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Comes back on the same port. */
  async restart(changes: { readonly hostKey?: KeyPair } = {}): Promise<void> {
    await this.stop();
    this.hostKey = changes.hostKey ?? this.hostKey;
    await this.listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const child of this.#children) {
      try {
        if (child.pid) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
  }

  #serve(connection: Connection): void {
    this.connections += 1;
    this.#open.add(connection);
    let sessions = 0;
    connection.on('error', () => undefined);
    connection.on('close', () => this.#open.delete(connection));
    connection.on('authentication', (context) => this.#logIn(context));
    connection.on('session', (accept, reject) => {
      if (sessions >= (this.options.maxSessions ?? 10)) {
        this.refusedSessions += 1;
        reject();
        return;
      }
      sessions += 1;
      this.mostSessions = Math.max(this.mostSessions, sessions);
      const session = accept();
      let open = true;
      this.#serveSession(session, connection, () => {
        if (open) sessions -= 1;
        open = false;
      });
    });
    connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
      if (this.options.mayForward === false) {
        reject();
        return;
      }
      this.forwarded += 1;
      const channel = accept();
      const socket = connectTcp(destPort, destIP);
      socket.on('error', () => channel.close());
      channel.on('error', () => undefined);
      channel.on('close', () => socket.destroy());
      socket.pipe(channel).pipe(socket);
    });
  }

  #logIn(context: AuthContext): void {
    const { password = testPassword, publicKeys = [], asksQuestions = false } = this.options;
    const methods: ('publickey' | 'password' | 'keyboard-interactive')[] = [
      'publickey',
      asksQuestions ? 'keyboard-interactive' : 'password',
    ];
    if (context.method !== 'none') this.logins.push(context.method);
    if (context.method === 'password' && !asksQuestions) {
      this.passwords.push(context.password);
      if (context.password === password) return context.accept();
    }
    if (context.method === 'keyboard-interactive' && asksQuestions) {
      context.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
        this.passwords.push(answers[0] ?? '');
        if (answers[0] === password) context.accept();
        else context.reject(methods);
      });
      return;
    }
    if (context.method === 'publickey') {
      const fits = publicKeys.some((text) => {
        const key = ssh2.utils.parseKey(text);
        if (key instanceof Error || !key.getPublicSSH().equals(context.key.data)) return false;
        return (
          !context.signature ||
          key.verify(context.blob ?? Buffer.alloc(0), context.signature, context.hashAlgo)
        );
      });
      if (fits) return context.accept();
    }
    context.reject(methods);
  }

  #serveSession(session: Session, connection: Connection, ended: () => void): void {
    session.on('error', () => undefined);
    session.on('close', ended);
    session.on('env', (accept: (() => void) | undefined) => accept?.());
    session.on('exec', (accept, reject, { command }) => {
      const misdeed = this.onCommand(command, this.commands.length);
      this.commands.push(command);
      if (misdeed === 'refuse') {
        reject();
        return;
      }
      if (misdeed === 'drop') {
        connection.end();
        return;
      }
      const channel = accept();
      channel.on('error', () => undefined);
      channel.on('close', ended);
      if (misdeed === 'hang') return;
      if (misdeed === 'no-code') {
        channel.end();
        return;
      }
      if (typeof misdeed === 'object') {
        if ('exit' in misdeed) channel.exit(misdeed.exit);
        else channel.exit(misdeed.killedBy, false, '');
        channel.end();
        return;
      }
      this.#run(command, channel, connection, misdeed === 'drop-after');
    });
  }

  #run(command: string, channel: ServerChannel, connection: Connection, dropAfter: boolean): void {
    const { binDir, env } = this.options;
    const path = binDir ? `${binDir}:${process.env.PATH}` : process.env.PATH;
    const child = spawn('sh', ['-c', command], {
      env: { PATH: path, HOME: '/tmp', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#children.add(child);
    child.stdin.on('error', () => undefined);
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    // As sshd: who loses its client loses its pipes, not its life.
    channel.on('close', () => {
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
    });
    child.on('close', (code, signal) => {
      this.#children.delete(child);
      if (dropAfter) {
        connection.end();
        return;
      }
      if (code === null) channel.exit(signal?.replace('SIG', '') ?? 'KILL', false, '');
      else channel.exit(code);
      channel.end();
    });
  }
}

/** A target for a server or what stands before it, with its key pinned unless told otherwise. */
export function targetOf(
  server: Pick<SshServer, 'port' | 'hostKey'>,
  changes: Partial<SshTarget> = {},
): SshTarget {
  return {
    kind: 'ssh2',
    host: '127.0.0.1',
    port: server.port,
    user: 'hansa',
    credential: 'test',
    hostKeys: [publicKeyOf(server.hostKey)],
    bastion: undefined,
    insecureIgnoreHostKey: false,
    ...changes,
  };
}

/** `ssh-ed25519 AAAA…` without the comment. */
export function publicKeyOf({ public: text }: KeyPair): string {
  return text.split(' ').slice(0, 2).join(' ');
}

export function fingerprint(key: KeyPair): string {
  const blob = Buffer.from(publicKeyOf(key).split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

export const withPassword: Credential = { password: testPassword };
