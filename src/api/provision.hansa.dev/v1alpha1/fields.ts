import { z } from 'zod';

/** Fields that several kinds of the group have. */

export const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
export const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
export const labelKeyPattern =
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
export const labelValuePattern = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
export const versionPattern = /^v?1\.[0-9]{1,3}\.[0-9]{1,3}$/;

export function objectName(description: string): z.ZodString {
  return z
    .string()
    .min(1)
    .max(253)
    .regex(subdomainPattern, 'must be lower-case letters, digits, "-" and "."')
    .meta({ description });
}

/** The name of a KubeCluster is part of host names, labels and unit names, so it is a label and short. */
export const clusterName = z
  .string()
  .min(1)
  .max(50)
  .regex(namePattern, 'must be lower-case letters, digits and "-", at most 50')
  .meta({ description: 'Name of the KubeCluster, in the same namespace.' });

export function secretRef(description: string) {
  return z.object({ name: objectName('Name of the Secret, in the same namespace.') }).meta({ description });
}

export function labelMap(description: string) {
  return z
    .record(
      z.string(),
      z.string().max(63).regex(labelValuePattern, 'must be a label value: letters, digits, "-", "_" and "."'),
    )
    .meta({ description, maxProperties: 100 });
}

export function quantities(description: string) {
  return z.record(z.string(), z.string().min(1).max(32)).meta({ description, maxProperties: 20 });
}

/** As kubeadm v1beta4 has them: a list, because some flags may be given more than once. */
export function extraArgs(description: string) {
  return z
    .array(
      z
        .object({
          name: z
            .string()
            .min(1)
            .max(128)
            .regex(/^[a-z0-9][-a-z0-9.]*$/, 'must be the name of a flag without the dashes before it')
            .meta({ description: 'Name of the flag, without dashes before it.' }),
          value: z.string().max(4096).meta({ description: 'Its value.' }),
        })
        .meta({ description: 'A flag.' }),
    )
    .max(100)
    .meta({ description, 'x-kubernetes-list-type': 'atomic' });
}

export function version(description: string): z.ZodString {
  return z.string().regex(versionPattern, 'must be a full version such as 1.36.3').meta({ description });
}

export function portNumber(description: string): z.ZodNumber {
  return z.int().min(1).max(65535).meta({ description, format: 'int32' });
}

export function time(description: string): z.ZodString {
  return z.string().meta({ description, format: 'date-time' });
}

export function sshHost(description: string): z.ZodString {
  return z
    .string()
    .min(1)
    .max(253)
    .regex(/^[A-Za-z0-9_.:-]+$/, 'must be a host name or an address, without a port or brackets')
    .meta({ description });
}

const hostKeys = z
  .array(
    z
      .string()
      .max(4096)
      .regex(
        /^(ssh|ecdsa|sk)-[-a-z0-9@.]+ [A-Za-z0-9+/]+={0,3}( .*)?$/,
        'must be a public host key such as "ssh-ed25519 AAAA…": ssh-keyscan prints it',
      ),
  )
  .max(10)
  .meta({
    description:
      'Public host keys that are trusted, such as `ssh-ed25519 AAAA…`. Absent: known_hosts, or the key it shows first, which is then recorded.',
    'x-kubernetes-list-type': 'atomic',
  });

/** How one end of an SSH connection is reached and trusted. */
export const sshFields = {
  host: sshHost('Address or name for SSH.'),
  port: z.exactOptional(portNumber('Port of SSH. Default 22.')),
  user: z.exactOptional(
    z
      .string()
      .min(1)
      .max(32)
      .regex(/^[a-z_][-a-z0-9_.]*\$?$/, 'must be the name of a user')
      .meta({ description: 'User who logs in; without root, sudo is used. Default root.' }),
  ),
  credentialRef: z.exactOptional(
    secretRef('Secret with `ssh-privatekey`, `passphrase`, `password`, `sudo-password` or `agent: "true"`.'),
  ),
  hostKeys: z.exactOptional(hostKeys),
  insecureIgnoreHostKey: z.exactOptional(
    z.boolean().meta({
      description:
        'Takes any host key: whoever sits in between can read and change everything. Default false.',
    }),
  ),
};

export const bastion = z
  .object(sshFields)
  .meta({ description: 'Host through which the machine is reached.' });
