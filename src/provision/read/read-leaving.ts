import {
  kubeClusterSchema,
  type KubeClusterSpec,
} from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { kubeMachineSchema } from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { isJsonObject } from '../../base/index.ts';
import type { MachineSpec } from '../plan/cluster-spec.ts';
import { readMachine } from './machines.ts';
import { Findings, InvalidClusterError, parseStrictly } from './problems.ts';

/**
 * KubeMachines that are to leave, each read by itself: the one that takes a place may have the address or the name of the
 * one that leaves it. `objects` are a KubeCluster and its machines; of these, `names` leave.
 * @throws InvalidClusterError
 */
export function readLeaving(objects: readonly unknown[], names: readonly string[]): readonly MachineSpec[] {
  const findings = new Findings();
  const cluster = specOfCluster(objects, findings);
  if (!cluster) throw new InvalidClusterError(findings.problems);
  const context = { defaults: cluster.machineDefaults, version: cluster.version.replace(/^v/, '') };
  const machines = objects.flatMap((object): MachineSpec[] => {
    const name = nameOf(object);
    if (!isJsonObject(object) || object['kind'] !== 'KubeMachine' || !name || !names.includes(name))
      return [];
    const found = findings.on(`KubeMachine ${name}`);
    const parsed = parseStrictly(kubeMachineSchema, { spec: object['spec'] }, found);
    if (!parsed) return [];
    return [readMachine({ name, spec: parsed.spec }, { ...context, found })];
  });
  if (findings.problems.length > 0) throw new InvalidClusterError(findings.problems);
  return machines;
}

function specOfCluster(objects: readonly unknown[], findings: Findings): KubeClusterSpec | undefined {
  const object = objects.find((each) => isJsonObject(each) && each['kind'] === 'KubeCluster');
  if (!isJsonObject(object)) {
    findings.on('').problem('', 'there is no KubeCluster that the machines leave');
    return undefined;
  }
  const found = findings.on(`KubeCluster ${nameOf(object) ?? ''}`);
  return parseStrictly(kubeClusterSchema, { spec: object['spec'] }, found)?.spec;
}

function nameOf(object: unknown): string | undefined {
  const metadata = isJsonObject(object) ? object['metadata'] : undefined;
  const name = isJsonObject(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' ? name : undefined;
}
