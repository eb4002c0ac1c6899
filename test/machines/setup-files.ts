import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

export interface Setup {
  readonly authorizedKey: string;
  readonly hostKey: { readonly private: string; readonly public: string };
  /** Of the user `asked`, and of `op` too for logins without a key. */
  readonly password: string;
  /** Directories with a file system of their own, with its size. */
  readonly disks: Readonly<Record<string, number>>;
  /** Leaves Docker's resolver in place. */
  readonly keepResolver: boolean;
  /** Takes the default route away at every start. */
  readonly noRouteOut: boolean;
}

/** What makes one machine of the image, as a tar that is unpacked over it before its first start. */
export async function setupFiles({
  authorizedKey,
  hostKey,
  password,
  disks,
  keepResolver,
  noRouteOut,
}: Setup): Promise<Buffer> {
  const tar = pack();
  const add = (name: string, content: string, mode = 0o600) => void tar.entry({ name, mode }, content);
  for (const home of ['root', 'home/op', 'home/asked']) {
    add(`${home}/.ssh/authorized_keys`, `${authorizedKey}\n`);
  }
  add('etc/ssh/ssh_host_ed25519_key', hostKey.private);
  add('etc/ssh/ssh_host_ed25519_key.pub', `${hostKey.public}\n`, 0o644);
  add('etc/machine-setup/passwords', `asked:${password}\nop:${password}\n`);
  const lines = Object.entries(disks).map(([dir, megabytes]) => `${dir} ${megabytes}\n`);
  if (lines.length > 0) add('etc/machine-setup/disks', lines.join(''));
  if (keepResolver) add('etc/machine-setup/keep-resolver', '');
  if (noRouteOut) add('etc/machine-setup/no-route-out', '');
  tar.finalize();
  return buffer(tar);
}
