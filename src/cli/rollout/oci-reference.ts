import { invalidOption } from '../host-options.ts';

/** Where an artefact is: `ghcr.io/acme/web:1.2` taken apart. */
export interface OciReference {
  /** Host and port, as a person wrote it; credentials are kept under it. */
  readonly registry: string;
  readonly repository: string;
  /** Tag, or `sha256:…`. */
  readonly version: string;
  /** As a person would write it, for messages. */
  readonly text: string;
}

/** Docker Hub answers under another name than it is known by. */
const dockerHub = 'docker.io';
const hostsOfDockerHub = [dockerHub, 'index.docker.io', 'registry-1.docker.io'];

const shape =
  /^(?<repository>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)(?::(?<tag>[\w][\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;

/** @throws HansaError InvalidOption */
export function parseOciReference(text: string): OciReference {
  const bare = text.replace(/^oci:\/\//, '');
  const slash = bare.indexOf('/');
  const first = slash < 0 ? '' : bare.slice(0, slash);
  // The rule of Docker: without a dot or a port, the first part is no host.
  const hasHost = first === 'localhost' || first.includes('.') || first.includes(':');
  const registry = hasHost && !hostsOfDockerHub.includes(first) ? first : dockerHub;
  const found = shape.exec(hasHost ? bare.slice(slash + 1) : bare)?.groups;
  if (!found?.['repository'] || /[^\w.:[\]-]/.test(registry)) {
    throw invalidOption(`--oci ${text}: write REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:…`);
  }
  const { repository, tag, digest } = found;
  return {
    registry,
    repository: registry === dockerHub && !repository.includes('/') ? `library/${repository}` : repository,
    version: digest ?? tag ?? 'latest',
    text: bare,
  };
}

/** Base address of the registry. Registries on this machine are asked without TLS, as other tools do. */
export function registryUrl({ registry }: OciReference): string {
  if (registry === dockerHub) return 'https://registry-1.docker.io';
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(registry);
  return `${isLocal ? 'http' : 'https'}://${registry}`;
}
