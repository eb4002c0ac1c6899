import { z } from 'zod';

/** What a control plane consists of: etcd and API server; those and the controllers; or all of it with simulated nodes. */
export const partsChoices = ['api', 'controllers', 'full'] as const;
export type Parts = (typeof partsChoices)[number];

export const memberSpecSchema = z.object({
  name: z.string(),
  /** Becomes the label topology.kubernetes.io/region of the simulated nodes. */
  region: z.exactOptional(z.string()),
  /** Labels for the object that stands for the member on the host; the sandbox only carries them. */
  labels: z.exactOptional(z.record(z.string(), z.string())),
  /** Another name under which documents may speak of the member, such as one in capitals. */
  alias: z.exactOptional(z.string()),
});
export type MemberSpec = Readonly<z.infer<typeof memberSpecSchema>>;

export const hostName = 'host';
