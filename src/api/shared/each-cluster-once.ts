import type { CelRule } from './rules.ts';

const before = 'oldSelf.value()[i]';
/** True while every entry names the cluster that it named before the update. */
const namesAsBefore =
  `self.all(i, entry, oldSelf.hasValue() && i < oldSelf.value().size() && has(entry.clusterName) == has(${before}.clusterName)` +
  ` && (!has(entry.clusterName) || entry.clusterName == ${before}.clusterName))`;

/**
 * An error if a name occurs twice: a map can't be made with a key twice. Linear, where comparing pairs would not fit
 * into the API server's limits.
 */
const namesDiffer =
  'self.transformMapEntry(i, entry, has(entry.clusterName), {entry.clusterName: i}).size() <= self.size()';

/**
 * Refuses a list of overrides that names a cluster twice.
 *
 * The first half is for objects that KubeFed accepted: the API server forgives what was stored before a rule that says
 * "no" (ratcheting), but not a rule that ends in an error, and such an object could never get a status again.
 */
export const eachClusterOnce: CelRule = {
  rule: `${namesAsBefore} || ${namesDiffer}`,
  message: 'a cluster may be named in one entry only: join its clusterOverrides',
  optionalOldSelf: true,
};
