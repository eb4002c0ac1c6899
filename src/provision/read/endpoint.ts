import type { KubeClusterSpec } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { parseAddress } from '../../base/index.ts';
import type { EndpointMode, EndpointSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { ObjectFindings } from './problems.ts';

/** Where API servers themselves listen. */
const apiServerPort = 6443;
/** A proxy on a control plane can't have the port of the API server beside it, which listens on every address. */
const proxyPort = 7443;

const hostField = 'spec.controlPlaneEndpoint.host';
const portField = 'spec.controlPlaneEndpoint.port';

export interface EndpointContext {
  readonly clusterName: string;
  readonly controlPlanes: readonly MachineSpec[];
  readonly found: ObjectFindings;
}

/** How the API server is reached, with what was left out worked out from the machines. */
export function readEndpoint(spec: KubeClusterSpec, context: EndpointContext): EndpointSpec {
  const { found } = context;
  const mode = modeOf(spec, context);
  const host = spec.controlPlaneEndpoint?.host ?? defaultHost(mode, context);
  const isProxied = mode === 'LocalProxy' || mode === 'Keepalived';
  const port = spec.controlPlaneEndpoint?.port ?? (isProxied ? proxyPort : apiServerPort);
  const virtualRouterId = spec.keepalived?.virtualRouterId;
  if (isProxied && port === apiServerPort) {
    found.problem(
      portField,
      `must not be ${apiServerPort} with ${mode}: the API server beside the proxy listens there. Leave it out for ${proxyPort}`,
    );
  }
  checkMode({ mode, host, port, virtualRouterId }, context);
  return { mode, host, port, virtualRouterId: mode === 'Keepalived' ? virtualRouterId : undefined };
}

function modeOf(
  { endpointMode, controlPlaneEndpoint }: KubeClusterSpec,
  context: EndpointContext,
): EndpointMode {
  if (endpointMode) return endpointMode;
  if (controlPlaneEndpoint?.host !== undefined) return 'External';
  return context.controlPlanes.length > 1 ? 'LocalProxy' : 'Direct';
}

/** Empty where the user has to say it, and is told. */
function defaultHost(mode: EndpointMode, { clusterName, controlPlanes, found }: EndpointContext): string {
  switch (mode) {
    case 'Direct': {
      const address = controlPlanes[0]?.internalAddress;
      if (address === undefined && controlPlanes.length === 1) {
        found.problem(
          hostField,
          'is missing: the address of the control plane is not known before it is asked. Set its internalAddress, or the host here',
        );
      }
      return address ?? '';
    }
    case 'LocalProxy':
      return `api.${clusterName}`;
    case 'External':
      found.problem(hostField, 'is missing: External needs the name or address of the load balancer');
      return '';
    case 'Keepalived':
      found.problem(
        hostField,
        'is missing: Keepalived needs a free address of the network of the control planes',
      );
      return '';
  }
}

function checkMode(
  { mode, host, virtualRouterId }: EndpointSpec,
  { controlPlanes, found }: EndpointContext,
): void {
  if (mode !== 'Keepalived' && virtualRouterId !== undefined) {
    found.problem('spec.keepalived', `means nothing with ${mode}: remove it, or set endpointMode Keepalived`);
  }
  switch (mode) {
    case 'Direct':
      if (controlPlanes.length > 1) {
        found.problem(
          'spec.endpointMode',
          `is Direct, and there are ${controlPlanes.length} control planes: only one of them would be used. Take LocalProxy, Keepalived or External`,
        );
      }
      return;
    case 'External':
      return;
    case 'LocalProxy':
      if (parseAddress(host)) {
        found.problem(
          hostField,
          `must be a name with LocalProxy, such as api.example.internal: every machine points it at its own proxy`,
        );
      }
      return;
    case 'Keepalived': {
      if (virtualRouterId === undefined) {
        found.problem(
          'spec.keepalived.virtualRouterId',
          'is missing: a number from 1 to 255 that no other router in the network uses',
        );
      }
      if (host !== '' && !parseAddress(host)) {
        found.problem(hostField, `"${host}" must be an address with Keepalived: the one that moves`);
      }
      const holder = controlPlanes.find(
        ({ internalAddress, ssh }) => host === internalAddress || host === ssh.host,
      );
      if (holder) {
        found.problem(hostField, `${host} is the address of ${holder.name}: choose one that no machine has`);
      }
    }
  }
}
