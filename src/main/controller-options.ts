import { z } from 'zod';
import { HansaError } from '../base/index.ts';

const milliseconds = (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text.trim());
  if (!match) return Number.NaN;
  const unit = { ms: 1, s: 1000, m: 60_000 }[(match[2] ?? 's') as 'ms' | 's' | 'm'];
  return Number(match[1]) * unit;
};

const duration = (usual: string) =>
  z
    .string()
    .default(usual)
    .transform(milliseconds)
    .refine((ms) => Number.isFinite(ms) && ms > 0, 'must be a duration such as 500ms, 10s or 2m');

/** Everything the control plane can be told; flags and environment variables are made from this. */
export const controllerOptions = z.object({
  kubeconfig: z.string().optional(),
  context: z.string().optional(),
  namespace: z.string().min(1).default('kube-federation-system'),
  listen: z
    .string()
    .regex(/^(.*:)?\d{1,5}$/, 'must be a port or address:port')
    .default(':8080'),
  leaderElect: z.stringbool().default(true),
  leaseDuration: duration('15s'),
  renewDeadline: duration('10s'),
  retryPeriod: duration('2s'),
  adoptResources: z.enum(['Enabled', 'Disabled']).default('Enabled'),
  healthPeriod: duration('10s'),
  healthTimeout: duration('3s'),
  healthFailureThreshold: z.coerce.number().int().min(1).default(3),
  healthSuccessThreshold: z.coerce.number().int().min(1).default(1),
  webhookUrl: z
    .string()
    .regex(
      /^(https:\/\/[^/\s]+|service:\/\/[a-z0-9-]+\/[a-z0-9-]+(:\d{1,5})?)\/?$/,
      'must be https://HOST:PORT without a path, or service://NAMESPACE/NAME:PORT',
    )
    .optional(),
  webhookPort: z.coerce.number().int().min(0).max(65_535).default(8443),
  webhookBind: z.string().min(1).optional(),
  provision: z.enum(['Enabled', 'Disabled']).default('Enabled'),
  bundle: z.string().min(1).optional(),
  bundleKey: z.string().min(1).optional(),
  allowUnsignedBundle: z.stringbool().default(false),
  hostKeys: z.enum(['Pinned', 'TrustFirst']).default('Pinned'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  logFormat: z.enum(['json', 'text']).default('json'),
});

export type ControllerOptions = z.infer<typeof controllerOptions>;

/** What each option does, in the order of the help; the flag is the key in kebab-case, the variable HANSA_<KEY>. */
export const controllerOptionHelp: Readonly<
  Record<keyof ControllerOptions, { readonly value: string; readonly text: string }>
> = {
  kubeconfig: {
    value: '<file>',
    text: 'kubeconfig of the host; default: in-cluster account, else KUBECONFIG, else ~/.kube/config',
  },
  context: { value: '<name>', text: 'context of the host in the kubeconfig' },
  namespace: {
    value: '<name>',
    text: 'namespace of KubeFedClusters, their Secrets and the Lease (kube-federation-system)',
  },
  listen: {
    value: '<[address]:port>',
    text: 'where /healthz, /readyz and /metrics are served; port 0 picks a free one (:8080)',
  },
  leaderElect: {
    value: '<true|false>',
    text: 'wait for the Lease before working, so that several replicas can run (true)',
  },
  leaseDuration: {
    value: '<duration>',
    text: 'a leader that has not renewed for this long is succeeded (15s)',
  },
  renewDeadline: {
    value: '<duration>',
    text: 'a leader that cannot renew for this long stops working (10s)',
  },
  retryPeriod: { value: '<duration>', text: 'pause between two looks at the Lease (2s)' },
  adoptResources: {
    value: '<Enabled|Disabled>',
    text: 'take over objects that exist already in members (Enabled)',
  },
  healthPeriod: { value: '<duration>', text: 'pause between two probes of a member (10s)' },
  healthTimeout: { value: '<duration>', text: 'a probe without an answer after this long has failed (3s)' },
  healthFailureThreshold: { value: '<n>', text: 'failed probes in a row that make a member unready (3)' },
  healthSuccessThreshold: { value: '<n>', text: 'good probes in a row that make it ready again (1)' },
  webhookUrl: {
    value: '<url>',
    text: 'address under which members reach the webhook of Gated rollouts: https://HOST:PORT, or service://NAMESPACE/NAME:PORT where it runs in each member; without it there are none',
  },
  webhookPort: { value: '<port>', text: 'where the webhook is served; port 0 picks a free one (8443)' },
  webhookBind: { value: '<address>', text: 'address the webhook listens on; default: all' },
  provision: {
    value: '<Enabled|Disabled>',
    text: 'make and keep the clusters of KubeClusters, and register those of Cluster API (Enabled)',
  },
  bundle: {
    value: '<path>',
    text: 'bundle that programs and images of KubeClusters come from, unless they name one; default: none',
  },
  bundleKey: { value: '<file>', text: 'ed25519 public key, in PEM, that must have signed bundles' },
  allowUnsignedBundle: {
    value: '<true|false>',
    text: 'take bundles whose maker is not known; their hashes are checked all the same (false)',
  },
  hostKeys: {
    value: '<Pinned|TrustFirst>',
    text: 'SSH host keys that no KubeMachine pins: refused, or trusted at first sight and kept (Pinned)',
  },
  logLevel: { value: '<level>', text: 'debug, info, warn or error (info)' },
  logFormat: { value: '<json|text>', text: 'how log lines look (json)' },
};

export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function variableOf(key: string): string {
  return `HANSA_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * Joins flags and environment; a flag wins.
 * @throws HansaError InvalidOption, naming the flag and the mend
 */
export function readControllerOptions(
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): ControllerOptions {
  const given: Record<string, unknown> = {};
  for (const key of Object.keys(controllerOptions.shape)) {
    const value = flags[key] ?? environment[variableOf(key)];
    if (value !== undefined) given[key] = value;
  }
  const parsed = controllerOptions.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = String(issue?.path[0] ?? '');
    throw new HansaError(`${flagOf(key)} (or ${variableOf(key)}): ${issue?.message}`, {
      reason: 'InvalidOption',
      retry: 'never',
    });
  }
  if (
    parsed.data.renewDeadline >= parsed.data.leaseDuration ||
    parsed.data.retryPeriod * 1.2 >= parsed.data.renewDeadline
  ) {
    throw new HansaError(
      '--lease-duration must be longer than --renew-deadline, and that longer than 1.2 × --retry-period',
      {
        reason: 'InvalidOption',
        retry: 'never',
      },
    );
  }
  return parsed.data;
}
