import { z } from 'zod';
import { HansaError } from '../base/index.ts';
import { flagOf, variableOf } from './controller-options.ts';

/** What `hansa webhook` can be told. */
export const webhookOptions = z.object({
  certFile: z.string().min(1).optional(),
  keyFile: z.string().min(1).optional(),
  kubeconfig: z.string().optional(),
  context: z.string().optional(),
  namespace: z.string().min(1).default('kube-federation-system'),
  webhookPort: z.coerce.number().int().min(0).max(65_535).default(8443),
  webhookBind: z.string().min(1).optional(),
  listen: z
    .string()
    .regex(/^(.*:)?\d{1,5}$/, 'must be a port or address:port')
    .default(':8080'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  logFormat: z.enum(['json', 'text']).default('json'),
});

export type WebhookOptions = z.infer<typeof webhookOptions>;

export const webhookOptionHelp: Readonly<
  Record<keyof WebhookOptions, { readonly value: string; readonly text: string }>
> = {
  certFile: {
    value: '<file>',
    text: 'serving certificate, PEM; read again when it changes. Default: from the Secret hansa-webhook of the host',
  },
  keyFile: { value: '<file>', text: 'its key, PEM' },
  kubeconfig: {
    value: '<file>',
    text: 'kubeconfig of the host; default: in-cluster account, else KUBECONFIG, else ~/.kube/config',
  },
  context: { value: '<name>', text: 'context of the host in the kubeconfig' },
  namespace: { value: '<name>', text: 'namespace of the Secret (kube-federation-system)' },
  webhookPort: { value: '<port>', text: 'where the webhook is served; port 0 picks a free one (8443)' },
  webhookBind: { value: '<address>', text: 'address the webhook listens on; default: all' },
  listen: { value: '<[address]:port>', text: 'where /healthz, /readyz and /metrics are served (:8080)' },
  logLevel: { value: '<level>', text: 'debug, info, warn or error (info)' },
  logFormat: { value: '<json|text>', text: 'how log lines look (json)' },
};

/**
 * Joins flags and environment; a flag wins.
 * @throws HansaError InvalidOption
 */
export function readWebhookOptions(
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): WebhookOptions {
  const given: Record<string, unknown> = {};
  for (const key of Object.keys(webhookOptions.shape)) {
    const value = flags[key] ?? environment[variableOf(key)];
    if (value !== undefined) given[key] = value;
  }
  const parsed = webhookOptions.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = String(issue?.path[0] ?? '');
    throw new HansaError(`${flagOf(key)} (or ${variableOf(key)}): ${issue?.message}`, {
      reason: 'InvalidOption',
      retry: 'never',
    });
  }
  if ((parsed.data.certFile === undefined) !== (parsed.data.keyFile === undefined)) {
    throw new HansaError('--cert-file and --key-file belong together: give both or neither', {
      reason: 'InvalidOption',
      retry: 'never',
    });
  }
  return parsed.data;
}
