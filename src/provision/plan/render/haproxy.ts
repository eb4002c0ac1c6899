import { hostWithPort } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import { apiServerPort } from './cluster-configuration.ts';
import type { RenderedFile } from './units.ts';

export interface ControlPlaneAddress {
  readonly name: string;
  readonly address: string;
}

export const haproxyConfigPath = '/etc/hansa/haproxy.cfg';
export const haproxyUnit = 'hansa-api-proxy.service';

/**
 * The proxy in front of the API servers. Connections pass through as they are; only servers that say they are ready get
 * any.
 */
export function renderHaproxyConfig(
  { endpoint, kubeadm }: Pick<ClusterSpec, 'endpoint' | 'kubeadm'>,
  controlPlanes: readonly ControlPlaneAddress[],
): string {
  const isAnonymousRefused = kubeadm.apiServerArgs.some(
    ({ name, value }) => name === 'anonymous-auth' && value === 'false',
  );
  const check = isAnonymousRefused
    ? // It answers 401 to a check without credentials, ready or not.
      ['option tcp-check']
    : ['option httpchk GET /readyz', 'http-check expect status 200'];
  const servers = controlPlanes.map(
    ({ name, address }) =>
      // The check asks no more than "are you ready": who trusts the answer still verifies certificates end to end.
      `  server ${name} ${hostWithPort(address, apiServerPort)} check${isAnonymousRefused ? '' : ' check-ssl verify none'}`,
  );
  return `# Written by Hansa.
global
  maxconn 4096

defaults
  mode tcp
  timeout connect 5s
  # Watches are silent for long: a shorter limit would cut them, and kubelets would list again.
  timeout client 24h
  timeout server 24h
  timeout client-fin 30s
  timeout tunnel 24h

frontend api
  bind ${bindAddress(endpoint)}
  default_backend control-planes

backend control-planes
  ${check.join('\n  ')}
  default-server inter 2s fastinter 500ms downinter 1s rise 1 fall 2 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}

function bindAddress({ mode, host, port }: ClusterSpec['endpoint']): string {
  if (mode === 'LocalProxy') return `127.0.0.1:${port}`;
  // The moving address is not here most of the time, so no machine can bind to it alone.
  return host.includes(':') ? `:::${port} v4v6` : `0.0.0.0:${port}`;
}

/** A unit of its own, so that a machine's other haproxy is left alone. */
export function renderHaproxyUnit(): RenderedFile {
  return {
    path: `/etc/systemd/system/${haproxyUnit}`,
    mode: 0o644,
    content: `[Unit]
Description=Proxy to the API servers of this Kubernetes cluster
After=network-online.target
Wants=network-online.target
Before=kubelet.service

[Service]
Type=notify
# It needs no right of root's, and what it says goes to the journal.
DynamicUser=yes
RuntimeDirectory=hansa-api-proxy
ExecStartPre=/usr/bin/env PATH=/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin haproxy -f ${haproxyConfigPath} -c -q
ExecStart=/usr/bin/env PATH=/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin haproxy -Ws -f ${haproxyConfigPath} -p /run/hansa-api-proxy/pid
ExecReload=/usr/bin/env PATH=/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin haproxy -f ${haproxyConfigPath} -c -q
ExecReload=/bin/kill -USR2 $MAINPID
KillMode=mixed
SuccessExitStatus=143
Restart=always
RestartSec=1
LimitNOFILE=16384
CPUWeight=1000

[Install]
WantedBy=multi-user.target
`,
  };
}
