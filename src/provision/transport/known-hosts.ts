import { createHmac } from 'node:crypto';

export interface KnownHost {
  readonly keys: readonly string[];
  readonly revoked: readonly string[];
}

/** The keys a known_hosts file has for a host. Lines of certificate authorities don't count: we see plain keys. */
export function lookUpKnownHost(file: string, host: string, port: number): KnownHost {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  const keys: string[] = [];
  const revoked: string[] = [];
  for (const line of file.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
    const [hosts, type, blob] = fields;
    if (!hosts || !type || !blob || !names(hosts, name)) continue;
    if (marker === '@revoked') revoked.push(`${type} ${blob}`);
    else if (marker === undefined) keys.push(`${type} ${blob}`);
  }
  return { keys, revoked };
}

function names(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = hosts.split('|');
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  const patterns = hosts.toLowerCase().split(',');
  if (patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1), name))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern, name));
}

function matches(pattern: string, name: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`).test(name);
}
