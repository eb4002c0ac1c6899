import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverOf } from './component-arguments.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { mergedKubeconfigPath } from './sandbox.ts';
import type { ControlPlaneState } from './state.ts';
import { writeAtomically } from './write-atomically.ts';

/** Writes the one file with which kubectl reaches the host and every member by name. */
export function writeMergedKubeconfig(dir: string, seats: readonly ControlPlaneState[]): void {
  const entries = seats.map((seat) => {
    const file = (name: string) => readFileSync(join(dir, seat.name, 'pki', name), 'utf8');
    return {
      name: seat.name,
      server: serverOf(seat),
      ca: file('ca.crt'),
      user: { certificate: file('admin.crt'), key: file('admin.key') },
    };
  });
  writeAtomically(mergedKubeconfigPath(dir), kubeconfigText(entries));
}
