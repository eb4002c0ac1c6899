import { parseAddress } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import { apiAlias } from './cert-sans.ts';

/** Lines of /etc/hosts that lead the cluster's names to its API; empty where names are others' business. */
export function hostsLines({ name, endpoint }: Pick<ClusterSpec, 'name' | 'endpoint'>): readonly string[] {
  const alias = apiAlias({ name });
  switch (endpoint.mode) {
    case 'LocalProxy':
      return [`127.0.0.1 ${[...new Set([endpoint.host, alias])].join(' ')}`];
    case 'Direct':
    case 'Keepalived':
    case 'External':
      return parseAddress(endpoint.host) ? [`${endpoint.host} ${alias}`] : [];
  }
}

/** /etc/hosts with our lines between two marks; all else as it was. Several clusters may know one machine. */
export function withHostsBlock(hosts: string, cluster: string, lines: readonly string[]): string {
  const [begin, end] = marks(cluster);
  const kept: string[] = [];
  let isOurs = false;
  for (const line of hosts.split('\n')) {
    if (line === begin) isOurs = true;
    if (!isOurs) kept.push(line);
    if (line === end) isOurs = false;
  }
  const rest = kept.join('\n').replace(/\n*$/, '\n');
  return lines.length === 0 ? rest : `${rest}${[begin, ...lines, end].join('\n')}\n`;
}

function marks(cluster: string): readonly [string, string] {
  return [`# hansa: begin ${cluster}`, `# hansa: end ${cluster}`];
}
