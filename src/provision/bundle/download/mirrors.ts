import { HansaError } from '../../../base/index.ts';

/** Host of an official site or registry to the address that is asked instead. */
export type Mirrors = ReadonlyMap<string, string>;

/**
 * Reads `registry.k8s.io=https://harbor.example/k8s`.
 * @throws HansaError InvalidOption
 */
export function parseMirrors(texts: readonly string[]): Mirrors {
  return new Map(
    texts.map((text) => {
      const [host = '', address = ''] = split(text);
      if (!/^[a-z0-9.-]+(:\d+)?$/.test(host) || !isAddress(address)) {
        throw new HansaError(
          `--mirror ${text}: write HOST=ADDRESS, such as registry.k8s.io=https://harbor.example/k8s`,
          { reason: 'InvalidOption', retry: 'never' },
        );
      }
      return [host, address.replace(/\/+$/, '')] as const;
    }),
  );
}

/** The address of a published file, or the one at its mirror. */
export function fileUrl(url: string, mirrors: Mirrors): string {
  const { host, pathname, search } = new URL(url);
  const mirror = mirrors.get(host);
  return mirror ? `${mirror}${pathname}${search}` : url;
}

/** Docker Hub answers under another name than it is known by. */
const dockerHub = 'docker.io';

/** Where a registry's API is, up to the name of a repository. */
export function registryBase(registry: string, mirrors: Mirrors): string {
  const mirror = mirrors.get(registry);
  if (mirror) {
    const { origin, pathname } = new URL(mirror);
    return `${origin}/v2${pathname.replace(/\/+$/, '')}`;
  }
  if (registry === dockerHub) return 'https://registry-1.docker.io/v2';
  // Registries on this machine are asked without TLS, as other tools do.
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(registry);
  return `${isLocal ? 'http' : 'https'}://${registry}/v2`;
}

function split(text: string): readonly string[] {
  const at = text.indexOf('=');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}
