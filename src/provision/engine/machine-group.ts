import { type Clock, HansaError, messageOf, networkHas, parseAddress, parseCidr } from '../../base/index.ts';
import type { ConnectMachine } from '../access/connect-machine.ts';
import { readFacts } from '../facts/index.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { MachineFacts, MachineSight } from '../plan/facts.ts';
import { peersOf } from '../plan/preflight/reach.ts';
import { addressUrl } from '../plan/render/address-url.ts';
import { apiServerPort } from '../plan/render/cluster-configuration.ts';
import { type Redactor, runLong, type Transport } from '../transport/index.ts';
import type { Machine } from './executor.ts';

export interface MachineGroupOptions {
  readonly spec: ClusterSpec;
  /** Machines that are to leave; they are reached too. */
  readonly leaving: readonly MachineSpec[];
  readonly connect: ConnectMachine;
  readonly clock: Clock;
  readonly redactor: Redactor;
}

/** The machines of a cluster, each with a connection that is opened when it is first needed and kept. */
export class MachineGroup implements AsyncDisposable {
  readonly #options: MachineGroupOptions;
  readonly #transports = new Map<string, Promise<Transport>>();
  readonly #readyAtMs = new Map<string, number>();
  readonly #open = new Map<string, { readonly transport: Transport; facts: MachineFacts }>();

  constructor(options: MachineGroupOptions) {
    this.#options = options;
  }

  get specs(): readonly MachineSpec[] {
    return [...this.#options.spec.machines, ...this.#options.leaving];
  }

  /** Those that leave are the last to be asked: what is told to them may be gone with them. */
  get controlPlanes(): readonly MachineSpec[] {
    return this.specs.filter(({ role }) => role === 'control-plane');
  }

  /** Facts of all, side by side. One that can't be reached is told of, and nobody waits for it longer than for the others. */
  async look(signal: AbortSignal): Promise<Readonly<Record<string, MachineSight>>> {
    const sights = await Promise.all(
      this.specs.map(async (machine) => [machine.name, await this.#lookAt(machine, signal)] as const),
    );
    return Object.fromEntries(sights);
  }

  /** @throws HansaError MachineUnreachable */
  machine(name: string): Machine {
    const spec = this.specs.find((each) => each.name === name);
    const open = this.#open.get(name);
    if (!spec || !open) {
      throw new HansaError(`machine ${name} could not be reached: look at it, then run the command again`, {
        reason: 'MachineUnreachable',
      });
    }
    const { transport, facts } = open;
    const { redactor, clock } = this.#options;
    return {
      spec,
      transport,
      facts,
      internalAddress: internalAddressOf(spec, facts),
      runLong: (command) => runLong(transport, command, { redactor, clock }),
    };
  }

  /**
   * A control plane whose own API server says that it is ready; one that is to leave only where there is no other.
   * @throws HansaError NoControlPlane
   */
  async healthyControlPlane(not: readonly string[], signal: AbortSignal): Promise<Machine> {
    const { clock, spec } = this.#options;
    for (const { name } of this.controlPlanes) {
      if (not.includes(name) || !this.#open.has(name)) continue;
      const machine = this.machine(name);
      const seenMs = this.#readyAtMs.get(name);
      if (seenMs !== undefined && clock.monotonic() - seenMs < readyForMs) return machine;
      this.#readyAtMs.delete(name);
      if (!(await isReady(machine, signal))) continue;
      this.#readyAtMs.set(name, clock.monotonic());
      return machine;
    }
    const except = not.length > 0 ? ` besides ${not.join(', ')}` : '';
    throw new HansaError(
      `no API server of cluster ${spec.name}${except} answers: look at the control planes with "crictl ps -a"`,
      { reason: 'NoControlPlane' },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = await Promise.allSettled(this.#transports.values());
    await Promise.all(all.flatMap((each) => (each.status === 'fulfilled' ? [each.value.close()] : [])));
  }

  async #lookAt(machine: MachineSpec, signal: AbortSignal): Promise<MachineSight> {
    try {
      const transport = await this.#transport(machine, signal);
      const { clock, spec } = this.#options;
      const facts = await readFacts(transport, clock, signal, peersOf(spec, machine.name));
      this.#open.set(machine.name, { transport, facts });
      return { kind: 'seen', facts };
    } catch (error) {
      signal.throwIfAborted();
      this.#open.delete(machine.name);
      const reason = error instanceof HansaError ? error.reason : 'Unreachable';
      return { kind: 'unreachable', reason, message: messageOf(error) };
    }
  }

  async #transport(machine: MachineSpec, signal: AbortSignal): Promise<Transport> {
    const known = this.#transports.get(machine.name);
    if (known) return known;
    const opening = this.#options.connect(machine, signal);
    this.#transports.set(machine.name, opening);
    try {
      return await opening;
    } catch (error) {
      this.#transports.delete(machine.name);
      throw error;
    }
  }
}

/** Steps ask for a control plane many times a second; one that was well just now most probably is. */
const readyForMs = 2_000;

/** Its own, and not whichever the endpoint leads to: what is asked next is asked there. */
async function isReady({ transport, internalAddress }: Machine, signal: AbortSignal): Promise<boolean> {
  const { code } = await transport
    .exec({
      script:
        '[ -f /etc/kubernetes/admin.conf ] && kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=5s --server "$1" get --raw /readyz >/dev/null',
      args: [addressUrl(internalAddress, apiServerPort)],
      root: true,
      deadlineMs: 15_000,
      signal,
    })
    .catch((error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof HansaError) return { code: -1 };
      throw error;
    });
  return code === 0;
}

/** As the spec says, else the only address that fits. @throws HansaError NoInternalAddress */
export function internalAddressOf(spec: MachineSpec, facts: MachineFacts): string {
  if (spec.internalAddress !== undefined) return spec.internalAddress;
  const addresses = facts.interfaces.flatMap((each) =>
    each.addresses.map((address) => address.split('/')[0] ?? ''),
  );
  const fitting = addresses.filter((address) => fits(address, spec.addressSelector));
  const [only, second] = fitting;
  if (only && !second) return only;
  throw new HansaError(
    `machine ${spec.name} has ${fitting.length === 0 ? 'no address' : `several addresses (${fitting.join(', ')})`}` +
      `${spec.addressSelector ? ` in ${spec.addressSelector}` : ''}: set spec.internalAddress`,
    { reason: 'NoInternalAddress', retry: 'never' },
  );
}

function fits(address: string, selector: string | undefined): boolean {
  if (selector === undefined) return true;
  const network = parseCidr(selector);
  const parsed = parseAddress(address);
  return network !== undefined && parsed !== undefined && networkHas(network, parsed);
}
