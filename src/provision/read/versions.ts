import { versionOf } from '../plan/version.ts';
import type { ObjectFindings } from './problems.ts';

/** Minors that Hansa makes and upgrades; older ones lack what it builds on, newer ones nobody has tried. */
export const knownMinors = { from: 34, to: 37 } as const;

/** Without a leading `v`. */
export function checkVersion(text: string, found: ObjectFindings): string {
  const version = text.replace(/^v/, '');
  const { minor } = versionOf(version);
  const { from, to } = knownMinors;
  if (minor < from) {
    found.problem('spec.version', `${version} is too old: Hansa makes 1.${from} to 1.${to}`);
  } else if (minor > to) {
    found.problem(
      'spec.version',
      `${version} is newer than this Hansa knows: take 1.${from} to 1.${to}, or a newer Hansa`,
    );
  }
  return version;
}
