import { createHash } from 'node:crypto';
import { parseAddress } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import type { ControlPlaneAddress } from './haproxy.ts';
import type { RenderedFile } from './units.ts';

export const keepalivedConfigPath = '/etc/hansa/keepalived.conf';
export const keepalivedCheckPath = '/etc/hansa/check-api';
export const keepalivedUnit = 'hansa-vip.service';

export interface KeepalivedPlace {
  /** This machine. */
  readonly name: string;
  readonly address: string;
  /** That has the address. */
  readonly interface: string;
  readonly prefix: number;
}

/**
 * Moves the endpoint's address to a control plane whose proxy serves. All start as BACKUP and none takes it back by force, so a
 * machine that comes and goes doesn't break connections each time. Peers are named: many networks pass no multicast.
 */
export function renderKeepalivedConfig(
  { name: cluster, endpoint }: Pick<ClusterSpec, 'name' | 'endpoint'>,
  controlPlanes: readonly ControlPlaneAddress[],
  place: KeepalivedPlace,
): string {
  const others = controlPlanes.filter(({ address }) => address !== place.address);
  const rank = controlPlanes.findIndex(({ address }) => address === place.address);
  const isV6 = parseAddress(endpoint.host)?.family === 6;
  return `# Written by Hansa.
global_defs {
  router_id ${place.name}
  script_user root
  enable_script_security
  vrrp_garp_master_refresh 60
}

vrrp_script api {
  script "${keepalivedCheckPath}"
  interval 2
  timeout 3
  rise 1
  fall 2
}

vrrp_instance ${cluster.replaceAll(/[^A-Za-z0-9_-]/g, '_')} {
  state BACKUP
  nopreempt
  interface ${place.interface}
  virtual_router_id ${endpoint.virtualRouterId ?? 1}
  priority ${Math.max(100 - rank, 1)}
  advert_int 1
  unicast_src_ip ${place.address}
  unicast_peer {
${others.map(({ address }) => `    ${address}`).join('\n')}
  }
  authentication {
    auth_type PASS
    auth_pass ${vrrpWord(cluster, endpoint)}
  }
  virtual_ipaddress {
    ${endpoint.host}/${isV6 ? 128 : place.prefix}
  }
  track_script {
    api
  }
}
`;
}

/** Eight letters that keep two clusters with one router id apart. No secret: VRRP sends it in the clear. */
function vrrpWord(cluster: string, { host }: ClusterSpec['endpoint']): string {
  return createHash('sha256').update(`${cluster} ${host}`).digest('hex').slice(0, 8);
}

/**
 * Who has the address must have a proxy that takes connections. Its own API server is not asked about: the proxy knows who
 * is ready, and before the first one is, somebody has to have the address all the same.
 */
export function renderKeepalivedCheck({ endpoint }: Pick<ClusterSpec, 'endpoint'>): RenderedFile {
  return {
    path: keepalivedCheckPath,
    mode: 0o755,
    content: `#!/bin/sh
# Written by Hansa.
PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
code=0
curl --silent --insecure --max-time 2 --output /dev/null https://127.0.0.1:${endpoint.port}/ || code=$?
# Refused, or no answer; anything else is said by somebody behind the proxy.
case $code in 7 | 28) exit 1 ;; *) exit 0 ;; esac
`,
  };
}

export function renderKeepalivedUnit(): RenderedFile {
  return {
    path: `/etc/systemd/system/${keepalivedUnit}`,
    mode: 0o644,
    content: `[Unit]
Description=Moving address of the API servers of this Kubernetes cluster
After=network-online.target
Wants=network-online.target

[Service]
Type=simple
RuntimeDirectory=hansa-vip
ExecStart=/usr/bin/env PATH=/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin keepalived --dont-fork --use-file=${keepalivedConfigPath} --pid=/run/hansa-vip/pid --vrrp_pid=/run/hansa-vip/vrrp --log-console
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=always
RestartSec=1
CPUWeight=1000

[Install]
WantedBy=multi-user.target
`,
  };
}
