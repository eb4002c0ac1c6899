import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import { controlPlanes } from '../plan/cluster-spec.ts';
import type { ControlPlaneAddress } from '../plan/render/haproxy.ts';
import type { NodeInput } from '../plan/render/node-input.ts';
import { chooseRuntime } from '../plan/render/runtime.ts';
import type { Step } from '../plan/steps.ts';
import { neededItems } from './load-bundle.ts';

/** What kubeadm's configuration of a machine is made from. */
export function nodeInputOf(context: StepContext, step: Step, machine: Machine): NodeInput {
  const items = neededItems(context, step, machine);
  return {
    cluster: context.cluster,
    machine: machine.spec,
    facts: machine.facts,
    address: machine.internalAddress,
    controlPlaneAddresses: controlPlaneAddresses(context).map(({ address }) => address),
    criSocket: criSocketOf(machine),
    hasImages: items.some(({ kind, name }) => kind === 'image' && name.includes('/kube-apiserver:')),
  };
}

/** Path of the socket of the runtime that the machine has or is given. @throws HansaError if it has none that can be used */
export function criSocketOf({ facts }: Pick<Machine, 'facts'>): string {
  const choice = chooseRuntime(facts);
  if (choice.kind !== 'refuse') return choice.socket;
  throw new HansaError(choice.message, { reason: choice.reason, retry: 'never' });
}

/** Internal addresses of the control planes in the spec, those that can be told. */
export function controlPlaneAddresses(context: StepContext): readonly ControlPlaneAddress[] {
  return controlPlanes(context.cluster).flatMap(({ name, internalAddress, nodeName }) => {
    const address = internalAddress ?? addressByOtherMeans(context, name, nodeName);
    return address === undefined ? [] : [{ name, address }];
  });
}

/** By the machine itself, or, if it can't be reached, by what the cluster knows of its node. */
function addressByOtherMeans(context: StepContext, name: string, nodeName: string): string | undefined {
  try {
    return context.machine(name).internalAddress;
  } catch {
    const { sight } = context;
    return sight.kind === 'up'
      ? sight.nodes.find((node) => node.name === nodeName)?.internalAddress
      : undefined;
  }
}
