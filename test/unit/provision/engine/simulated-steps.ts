import { HansaError } from '../../../../src/base/index.ts';
import type {
  Executor,
  Executors,
  Observation,
  StepContext,
} from '../../../../src/provision/engine/executor.ts';
import { controlPlanes } from '../../../../src/provision/plan/cluster-spec.ts';
import { heirOf, mayRemove } from '../../../../src/provision/plan/quorum.ts';
import type { ControlPlaneAddress } from '../../../../src/provision/plan/render/haproxy.ts';
import { type StampedKind, stampOf } from '../../../../src/provision/plan/render/stamps.ts';
import { judgeStaleMember, type StaleJudgement } from '../../../../src/provision/plan/stale-member.ts';
import { type Step, type StepKind, stepKinds } from '../../../../src/provision/plan/steps.ts';
import { advance, type Host, type LongCommand, peerUrlOf, type SimulatedFleet } from './simulated-fleet.ts';
import { controlPlanePhases, initPhases, workerPhases } from './simulated-kubeadm.ts';

/**
 * The executors, acting on the model. They ask and act in the order of the real ones, and use the same pure judgements; what
 * is left out is only what a machine's files look like.
 */
export function simulatedExecutors(fleet: SimulatedFleet): Executors {
  const simulation = new Simulation(fleet);
  const known = simulation.executors();
  return Object.fromEntries(stepKinds.map((kind) => [kind, known[kind] ?? notHere(kind)])) as Executors;
}

const done: Observation = { kind: 'done' };
const todo = (why: string): Observation => ({ kind: 'todo', why });

function notHere(kind: StepKind): Executor {
  const refuse = () => Promise.reject(new Error(`${kind} is not simulated`));
  return { observe: refuse, apply: refuse, verify: refuse };
}

class Simulation {
  readonly #fleet: SimulatedFleet;

  constructor(fleet: SimulatedFleet) {
    this.#fleet = fleet;
  }

  executors(): Partial<Executors> {
    return {
      'prepare-host': this.#stamped('prepare-host'),
      'load-bundle': this.#loaded('load-bundle'),
      'install-runtime': this.#stamped('install-runtime'),
      'install-kubernetes': this.#stamped('install-kubernetes'),
      'import-images': this.#loaded('import-images'),
      'set-endpoint': this.#stamped('set-endpoint'),
      'init-control-plane': this.#init(),
      'clear-stale-member': this.#clearStaleMember(),
      'copy-pki': this.#copyPki(),
      'join-control-plane': this.#joinControlPlane(),
      'join-worker': this.#joinWorker(),
      'apply-cni': this.#simple(
        () => this.#cluster().hasCni,
        () => void (this.#cluster().hasCni = true),
      ),
      'set-node': this.#setNode(),
      'verify-node': this.#verifyNode(),
      'verify-cluster': this.#verifyCluster(),
      'store-kubeconfig': this.#storeKubeconfig(),
      'fence-etcd': this.#simple(
        ({ inputs }) => inputs.isLast !== true || this.#cluster().isFenced,
        () => void (this.#cluster().isFenced = true),
      ),
      'cordon-and-drain': this.#cordon(),
      uncordon: this.#uncordon(),
      'leave-etcd': this.#leaveEtcd(),
      'reset-machine': this.#reset(),
      'delete-node': this.#deleteNode(),
      'register-member': this.#simple(
        () => this.#cluster().isRegistered,
        () => void (this.#cluster().isRegistered = true),
      ),
      'unregister-member': this.#simple(
        () => !this.#cluster().isRegistered,
        () => void (this.#cluster().isRegistered = false),
      ),
    };
  }

  #cluster() {
    const { cluster } = this.#fleet;
    if (!cluster) throw new HansaError('there is no cluster', { reason: 'NoControlPlane' });
    return cluster;
  }

  #hostOf(context: StepContext, { machine = '' }: Step): Host {
    const { name } = context.machine(machine).spec;
    return this.#fleet.see(name);
  }

  #stamped(kind: StampedKind): Executor {
    const stamp = (context: StepContext, step: Step) =>
      stampOf(kind, {
        cluster: context.cluster,
        machine: context.machine(step.machine ?? '').spec,
        controlPlanes: (step.inputs.controlPlanes ?? []) as readonly ControlPlaneAddress[],
      });
    return {
      observe: async (context, step) =>
        this.#hostOf(context, step).stamps.get(kind) === stamp(context, step) ? done : todo('no stamp'),
      apply: (context, step) => this.#fleet.act(this.#hostOf(context, step), () => undefined),
      verify: async (context, step) => {
        const host = this.#hostOf(context, step);
        await this.#fleet.act(host, () => void host.stamps.set(kind, stamp(context, step)));
      },
    };
  }

  #loaded(kind: string): Executor {
    return {
      observe: async (context, step) =>
        this.#hostOf(context, step).loaded.has(kind) ? done : todo('not there'),
      apply: async (context, step) => {
        const host = this.#hostOf(context, step);
        await this.#fleet.act(host, () => void host.loaded.add(kind));
      },
      verify: async () => undefined,
    };
  }

  /** Of the cluster, through any of its control planes. */
  #simple(isDone: (step: Step) => boolean, act: () => void): Executor {
    return {
      observe: async (context, step) => {
        await context.healthyControlPlane();
        return isDone(step) ? done : todo('not so yet');
      },
      apply: async (context) => {
        await context.healthyControlPlane();
        await this.#fleet.act(undefined, act);
      },
      verify: async () => undefined,
    };
  }

  #init(): Executor {
    const complaintOf = (host: Host): string | undefined => {
      const { cluster } = this.#fleet;
      if (!this.#fleet.hasApi(host)) return 'its API server is not ready';
      if (!cluster?.hasConfiguration) return 'it lacks kubeadm-config';
      return cluster.nodes.has(host.name) ? undefined : 'there is no Node';
    };
    return {
      observe: async (context, step) => {
        const host = this.#hostOf(context, step);
        const isOurs = context.journal.some((record) => record.step === step.id && record.event === 'intent');
        const complaint = complaintOf(host);
        if (host.disk !== undefined && !isOurs && complaint !== undefined) {
          return { kind: 'blocked', reason: 'EtcdDataPresent', message: 'it has data of an etcd' };
        }
        return complaint === undefined ? done : todo(complaint);
      },
      apply: async (context, step) => {
        const host = this.#hostOf(context, step);
        await context.intent({ peerUrl: peerUrlOf(host) });
        await this.#runLong(context, step, 'init', initPhases(this.#fleet, host));
      },
      verify: async (context, step) => {
        const complaint = complaintOf(this.#hostOf(context, step));
        if (complaint !== undefined) throw new HansaError(complaint, { reason: 'InitIncomplete' });
      },
    };
  }

  #clearStaleMember(): Executor {
    return {
      observe: async (context, step) => {
        const host = this.#hostOf(context, step);
        if (isRunning(host, 'join')) return done;
        const judgement = await this.#judge(context, step, undefined);
        switch (judgement.kind) {
          case 'none':
            return done;
          case 'refuse':
            if (judgement.reason === 'MemberAlive') return done;
            return { kind: 'blocked', reason: judgement.reason, message: judgement.message };
          case 'probe':
          case 'remove':
            return todo('a stale member is there');
        }
      },
      apply: (context, step) => this.#clear(context, step),
      verify: async (context, step) => {
        const judgement = await this.#judge(context, step, undefined);
        if (judgement.kind === 'remove' || judgement.kind === 'probe') {
          throw new HansaError('the stale member is still there', { reason: 'StaleMember' });
        }
      },
    };
  }

  async #judge(context: StepContext, step: Step, probesFailed: boolean | undefined): Promise<StaleJudgement> {
    const host = this.#hostOf(context, step);
    await context.healthyControlPlane([host.name]);
    const joins = context.journal.filter((record) => record.step === `${host.name}/join-control-plane`);
    const node = this.#cluster().nodes.get(host.name);
    return judgeStaleMember({
      members: this.#fleet.members(),
      peerUrl: peerUrlOf(host),
      isUnfinished:
        joins.some(({ event }) => event === 'intent') &&
        joins.findLast(({ event }) => event !== 'intent')?.event !== 'done',
      hasData: host.disk !== undefined,
      isNodeReady: node !== undefined && this.#fleet.isReady(node),
      probesFailed,
    });
  }

  async #clear(context: StepContext, step: Step): Promise<void> {
    let judgement = await this.#judge(context, step, undefined);
    if (judgement.kind === 'probe') {
      let failed = true;
      for (let probe = 1; probe <= 3 && failed; probe += 1) {
        const again = await this.#judge(context, step, undefined);
        failed = again.kind === 'probe' || again.kind === 'remove';
        if (probe < 3) await context.clock.sleep(20_000, context.signal);
      }
      judgement = await this.#judge(context, step, failed);
    }
    if (judgement.kind === 'refuse') {
      throw new HansaError(judgement.message, {
        reason: judgement.reason,
        retry: judgement.reason === 'MemberAlive' ? 'backoff' : 'never',
      });
    }
    if (judgement.kind !== 'remove') return;
    const { member } = judgement;
    await context.intent({ removesMember: member.id });
    await this.#removeMember(context, member.id, [step.machine ?? '']);
  }

  async #removeMember(context: StepContext, id: string, not: readonly string[]): Promise<void> {
    await context.healthyControlPlane(not);
    await this.#fleet.act(undefined, () => {
      // A machine may die between the last look and the word; the model doesn't, or no guard could ever be right.
      const verdict = mayRemove(this.#fleet.members(), id);
      if (verdict.kind === 'refused')
        throw new HansaError(verdict.message, { reason: verdict.reason, retry: 'never' });
      this.#fleet.changeMembers('remove', (cluster) => {
        cluster.members = cluster.members.filter((member) => member.id !== id);
      });
    });
  }

  #copyPki(): Executor {
    return {
      observe: async (context, step) => {
        await context.healthyControlPlane([step.machine ?? '']);
        const { staged, ca } = this.#hostOf(context, step);
        return [staged, ca].includes(this.#cluster().ca) ? done : todo('the CA is not there');
      },
      apply: (context, step) => this.#stagePki(context, step),
      verify: async () => undefined,
    };
  }

  async #stagePki(context: StepContext, step: Step): Promise<void> {
    const host = this.#hostOf(context, step);
    await this.#fleet.act(host, () => void (host.staged = this.#cluster().ca));
  }

  #joinComplaint(host: Host): string | undefined {
    if (!host.hasKubelet) return 'no kubelet runs';
    return this.#cluster().nodes.has(host.name) ? undefined : 'there is no Node';
  }

  #joinWorker(): Executor {
    return {
      observe: async (context, step) => {
        const host = this.#hostOf(context, step);
        await context.healthyControlPlane([host.name]);
        const complaint = this.#joinComplaint(host);
        return complaint === undefined ? done : todo(complaint);
      },
      apply: async (context, step) => {
        const host = this.#hostOf(context, step);
        if (!hasBegun(context, step, host, 'join')) await context.intent({ node: host.name });
        await this.#runLong(context, step, 'join', workerPhases(this.#fleet, host));
      },
      verify: async (context, step) => {
        const complaint = this.#joinComplaint(this.#hostOf(context, step));
        if (complaint !== undefined) throw new HansaError(complaint, { reason: 'JoinIncomplete' });
      },
    };
  }

  #joinControlPlane(): Executor {
    const complaintOf = (host: Host): string | undefined => {
      const complaint = this.#joinComplaint(host);
      if (complaint !== undefined) return complaint;
      const own = this.#fleet.members().find(({ peerUrls }) => peerUrls.includes(peerUrlOf(host)));
      if (!own) return 'etcd has no member there';
      if (own.isLearner) return 'its member does not vote';
      if (own.isHealthy === false) return 'its member is not healthy';
      return this.#fleet.hasApi(host) ? undefined : 'its API server is not ready';
    };
    return {
      observe: async (context, step) => {
        const host = this.#hostOf(context, step);
        await context.healthyControlPlane([host.name]);
        const complaint = complaintOf(host);
        return complaint === undefined ? done : todo(complaint);
      },
      apply: async (context, step) => {
        const host = this.#hostOf(context, step);
        if (!hasBegun(context, step, host, 'join')) {
          await this.#clear(context, step);
          if (host.staged === undefined) await this.#stagePki(context, step);
          await context.intent({ peerUrl: peerUrlOf(host), node: host.name });
        }
        await this.#runLong(context, step, 'join', controlPlanePhases(this.#fleet, host));
      },
      verify: async (context, step) => {
        const complaint = complaintOf(this.#hostOf(context, step));
        if (complaint !== undefined) throw new HansaError(complaint, { reason: 'JoinIncomplete' });
      },
    };
  }

  #setNode(): Executor {
    const isSo = (context: StepContext, step: Step): boolean => {
      const { spec } = context.machine(step.machine ?? '');
      const node = this.#cluster().nodes.get(spec.nodeName);
      return (
        node !== undefined &&
        Object.entries(spec.labels).every(([key, value]) => node.labels[key] === value) &&
        (spec.role === 'worker' || node.isControlPlane)
      );
    };
    return {
      observe: async (context, step) => {
        await context.healthyControlPlane();
        return isSo(context, step) ? done : todo('its labels differ');
      },
      apply: async (context, step) => {
        const { spec } = context.machine(step.machine ?? '');
        await this.#fleet.act(undefined, () => {
          const node = this.#cluster().nodes.get(spec.nodeName);
          if (!node) throw new HansaError('there is no Node', { reason: 'NodeMissing' });
          node.labels = spec.labels;
          node.isControlPlane ||= spec.role === 'control-plane';
        });
      },
      verify: async () => undefined,
    };
  }

  #verifyNode(): Executor {
    const complaintOf = (context: StepContext, step: Step): string | undefined => {
      const node = this.#cluster().nodes.get(context.machine(step.machine ?? '').spec.nodeName);
      return node && this.#fleet.isReady(node) ? undefined : 'the node is not Ready';
    };
    return this.#check(complaintOf, 'NodeNotReady');
  }

  #verifyCluster(): Executor {
    return this.#check(({ cluster }) => {
      const wanted = controlPlanes(cluster)
        .map(({ nodeName }) => nodeName)
        .toSorted();
      const members = this.#fleet.members();
      const is = members.map(({ name }) => name).toSorted();
      if (JSON.stringify(is) !== JSON.stringify(wanted)) return `etcd has ${is.join(', ')}`;
      return members.every(({ isHealthy, isLearner }) => isHealthy && !isLearner)
        ? undefined
        : 'etcd is not well';
    }, 'ClusterNotHealthy');
  }

  #check(complaintOf: (context: StepContext, step: Step) => string | undefined, reason: string): Executor {
    const check = async (context: StepContext, step: Step): Promise<string | undefined> => {
      await context.healthyControlPlane();
      return complaintOf(context, step);
    };
    const fail = async (context: StepContext, step: Step): Promise<void> => {
      const complaint = await check(context, step);
      if (complaint !== undefined) throw new HansaError(complaint, { reason });
    };
    return {
      observe: async (context, step) => {
        const complaint = await check(context, step);
        return complaint === undefined ? done : todo(complaint);
      },
      apply: async (context, step) => {
        await context.clock.sleep(4 * 60_000, context.signal);
        await fail(context, step);
      },
      verify: fail,
    };
  }

  #storeKubeconfig(): Executor {
    const name = ({ cluster }: StepContext) => `${cluster.name}-kubeconfig`;
    return {
      observe: async (context) => ((await context.secrets.get(name(context))) ? done : todo('none is kept')),
      apply: async (context) => {
        await context.healthyControlPlane();
        await context.secrets.put(name(context), { value: 'kubeconfig' });
      },
      verify: async () => undefined,
    };
  }

  #cordon(): Executor {
    const nodeOf = (context: StepContext, step: Step) =>
      this.#cluster().nodes.get(context.machine(step.machine ?? '').spec.nodeName);
    return {
      observe: async (context, step) => {
        await context.healthyControlPlane();
        const node = nodeOf(context, step);
        return !node || node.isCordoned ? done : todo('it takes pods');
      },
      apply: async (context, step) => {
        await context.intent({ cordoned: 'by-hansa' });
        const node = nodeOf(context, step);
        if (node) await this.#fleet.act(undefined, () => void (node.isCordoned = true));
      },
      verify: async () => undefined,
    };
  }

  #uncordon(): Executor {
    return this.#simple(
      () => [...this.#cluster().nodes.values()].every(({ isCordoned }) => !isCordoned),
      () => {
        for (const node of this.#cluster().nodes.values()) node.isCordoned = false;
      },
    );
  }

  #leaveEtcd(): Executor {
    const leaving = ({ inputs }: Step) =>
      this.#fleet.members().filter(({ peerUrls }) => peerUrls.includes(String(inputs.peerUrl)));
    const refusalOf = (id: string) => {
      const verdict = mayRemove(this.#fleet.members(), id);
      return verdict.kind === 'refused' ? verdict : undefined;
    };
    return {
      observe: async (context, step) => {
        await context.healthyControlPlane([step.machine ?? '']);
        for (const { id } of leaving(step)) {
          const refusal = refusalOf(id);
          if (refusal) return { ...refusal, kind: 'blocked' };
        }
        return leaving(step).length === 0 ? done : todo('it is a member');
      },
      apply: async (context, step) => {
        for (const { id, name } of leaving(step)) {
          const refusal = refusalOf(id);
          if (refusal) throw new HansaError(refusal.message, { reason: refusal.reason, retry: 'never' });
          await context.intent({ removes: name, peerUrl: String(step.inputs.peerUrl) });
          const heir = heirOf(this.#fleet.members(), id);
          if (heir) await this.#fleet.act(undefined, () => void (this.#cluster().leader = heir.id));
          if (this.#fleet.cluster?.leader === id) this.#fleet.broken.push(`${name} left etcd as its leader`);
          await this.#removeMember(context, id, [step.machine ?? '']);
        }
      },
      verify: async () => undefined,
    };
  }

  #reset(): Executor {
    const hasLeftovers = (host: Host) =>
      host.hasKubelet || host.manifests.size > 0 || host.ca !== undefined || host.stamps.size > 0;
    return {
      observe: async (context, step) =>
        hasLeftovers(this.#hostOf(context, step)) ? todo('it has leftovers') : done,
      apply: async (context, step) => {
        const host = this.#hostOf(context, step);
        await context.intent({ machine: host.name });
        await this.#runLong(context, step, 'reset', [
          () => {
            const own = this.#fleet.members().find(({ peerUrls }) => peerUrls.includes(peerUrlOf(host)));
            if (own && this.#fleet.hasQuorum)
              this.#fleet.broken.push(`${host.name} was reset as a member of etcd`);
            this.#fleet.cleanNode(host);
          },
          () => {
            host.stamps.clear();
            host.loaded.clear();
            host.staged = undefined;
          },
        ]);
      },
      verify: async (context, step) => {
        if (!hasLeftovers(this.#hostOf(context, step))) return;
        throw new HansaError('it still has leftovers', { reason: 'ResetFailed' });
      },
    };
  }

  #deleteNode(): Executor {
    const find = ({ inputs }: Step) => {
      const node = this.#cluster().nodes.get(String(inputs.node));
      return node?.uid === inputs.uid ? node : undefined;
    };
    return {
      observe: async (context, step) => {
        await context.healthyControlPlane();
        return find(step) ? todo('it is there') : done;
      },
      apply: async (context, step) => {
        await context.healthyControlPlane();
        await this.#fleet.act(undefined, () => {
          const node = find(step);
          if (node?.host.hasKubelet && node.host.isOn) {
            this.#fleet.broken.push(`Node ${node.name} was deleted under a kubelet that lives`);
          }
          if (node) this.#cluster().nodes.delete(node.name);
        });
      },
      verify: async () => undefined,
    };
  }

  /** Given to the machine once; whoever comes with the same attempt follows it to its end. */
  async #runLong(
    context: StepContext,
    step: Step,
    what: string,
    phases: readonly (() => void)[],
  ): Promise<void> {
    const host = this.#hostOf(context, step);
    const id = commandId(context, step, what);
    const command = await this.#fleet.act(host, (): LongCommand => {
      if (isRunning(host, what) && !host.commands.has(id)) {
        this.#fleet.broken.push(`two of ${what} ran at once on ${host.name}`);
      }
      const known = host.commands.get(id);
      if (known) return known;
      const made: LongCommand = { what, phases, next: 0, state: 'running', complaint: '' };
      host.commands.set(id, made);
      return made;
    });
    for (;;) {
      switch (command.state) {
        case 'running':
          await this.#fleet.act(host, () => advance(command));
          break;
        case 'ok':
          return;
        case 'failed':
          throw new HansaError(`${what} failed: ${command.complaint}`, { reason: 'CommandFailed' });
        case 'cut-off':
          this.#fleet.reach(host);
          throw new HansaError(`${host.name} was restarted in ${what}`, { reason: 'MachineRestarted' });
      }
    }
  }
}

function isRunning(host: Host, what: string): boolean {
  return [...host.commands.values()].some((command) => command.what === what && command.state === 'running');
}

function hasBegun(context: StepContext, step: Step, host: Host, what: string): boolean {
  return host.commands.has(commandId(context, step, what));
}

/** As the real one: new after every attempt that came to an end. */
function commandId({ journal }: StepContext, step: Step, what: string): string {
  const last = journal.findLast(
    (record) => record.step === step.id && ['done', 'failed', 'undone'].includes(record.event),
  );
  return `${what} ${step.id} ${last ? `${last.operation} ${last.attempt} ${last.at}` : ''}`;
}
