import { hashOf, type Json } from '../../../base/index.ts';
import type { NodeSight } from '../facts.ts';
import { type JournalRecord, lastWordOn } from '../journal.ts';
import type { Step } from '../steps.ts';
import { changeConfiguration } from './configuration.ts';
import { Draft } from './draft.ts';
import { fenceEtcd } from './fence-etcd.ts';
import { joinControlPlane, joinWorker } from './join-machine.ts';
import type { Move } from './membership.ts';
import { addressesOf, registerMember } from './register-member.ts';
import { type Preparation, prepareMachine, renewPreparation } from './prepare-machine.ts';
import { dropMember, forgetNode, removeMachine } from './remove-machine.ts';
import {
  controlPlaneAddresses,
  isPlane,
  isSamePlace,
  isOfFormerEtcd,
  isUnfinished,
  type Seat,
  type Sights,
} from './seats.ts';
import { keepNode, settleNewNode } from './settle-node.ts';
import type { Stage } from './stage.ts';

export interface ChangeWish {
  /** Of the control plane, in their order. */
  readonly moves: readonly Move[];
  readonly leavers: readonly Seat[];
  /** Nodes without a machine that are to go. */
  readonly nodes: readonly NodeSight[];
  readonly toJoin: readonly Seat[];
  /** Mends what drifted, too. */
  readonly keeps: boolean;
}

/** Writes the steps of one plan; what may be done at all was decided before. */
export class StepWriter {
  readonly #sights: Sights;
  readonly #seats: readonly Seat[];
  readonly #stage: Stage;
  readonly #draft = new Draft();
  readonly #preparation: Preparation;
  readonly #isEtcdExternal: boolean;
  /** The step that makes the cluster, if it is in the plan. */
  #made: string | undefined;
  #network: string | undefined;
  /** What a machine that leaves waits for: those that came are well, and endpoints lead elsewhere. */
  readonly #settled: string[] = [];
  /** Steps after which no control plane speaks for an etcd that is no more. */
  readonly #silenced: string[] = [];
  /** Machine that leaves → after which steps its place is free. */
  readonly #gone = new Map<Seat, readonly string[]>();

  constructor(sights: Sights, seats: readonly Seat[], stage: Stage) {
    this.#sights = sights;
    this.#seats = seats;
    this.#stage = stage;
    this.#preparation = { spec: sights.spec, controlPlanes: controlPlaneAddresses(seats) };
    this.#isEtcdExternal = sights.spec.etcd.kind === 'external';
  }

  /** A whole cluster. `tried` are machines of an earlier attempt that have no part in it now. */
  make(first: Seat, tried: readonly Seat[]): readonly Step[] {
    for (const seat of tried) this.#remove(seat, []);
    // The steps of the first machine come first in the plan: all others wait for it in the end.
    const seats = [first, ...this.#seats.filter((seat) => seat !== first)];
    const ready = new Map(seats.map((seat) => [seat, this.#prepare(seat)]));
    this.#made = this.#init(first, 'the cluster does not exist', ready.get(first) ?? []);
    this.#applyNetwork();
    this.#settle(first, this.#made);
    let before: string | undefined = this.#made;
    for (const seat of seats.filter((each) => each !== first && isPlane(each))) {
      before = this.#joinPlane(seat, ready.get(seat) ?? [], before);
    }
    this.#fence([first], before);
    for (const seat of seats.filter((each) => !isPlane(each))) this.#joinWorker(seat, ready.get(seat) ?? []);
    return this.#finish();
  }

  /** A cluster that is there. */
  change({ moves, leavers, nodes, toJoin, keeps }: ChangeWish): readonly Step[] {
    const unfinished = this.#goOnMaking();
    if (keeps) {
      this.#applyNetwork();
      this.#keep(unfinished);
    }
    if (unfinished && this.#made !== undefined) this.#settle(unfinished, this.#made);
    this.#silenceFormer(moves);
    let before: string | undefined = this.#made;
    for (const move of moves) {
      // That one is made, not joined.
      if (move.kind === 'join' && move.seat === unfinished) continue;
      before = this.#move(move, before);
    }
    const there = this.#seats.filter((seat) => isPlane(seat) && seat.lack === undefined);
    if (keeps) this.#fence(there, before);
    const workers = leavers.filter((seat) => !isPlane(seat));
    const successors = toJoin.filter((seat) => !isPlane(seat));
    // Workers come before workers go, but for those whose very host or name is to be used again.
    const first = workers.filter((leaver) => successors.some((seat) => isSamePlace(leaver, seat)));
    this.#removeWorkers(first);
    for (const seat of successors) this.#joinWorker(seat, this.#prepare(seat));
    this.#removeWorkers(workers.filter((seat) => !first.includes(seat)));
    for (const node of nodes) {
      forgetNode(this.#draft, node, {
        reason: `${node.name} was said to be switched off for good`,
        after: [],
      });
    }
    // An upgrade that is due isn't kept waiting by what can as well come after it.
    return keeps || this.#draft.steps.length > 0 ? this.#finish() : [];
  }

  #prepare(seat: Seat): readonly string[] {
    const predecessors = [...this.#gone.keys()].filter((leaver) => isSamePlace(leaver, seat));
    const after = predecessors.flatMap((leaver) => this.#gone.get(leaver) ?? []);
    return prepareMachine(this.#draft, seat, this.#preparation, [...this.#silenced, ...after]);
  }

  /**
   * Control planes that went on without the cluster, as after a recovery from one survivor: two of them are a quorum of what
   * was, and the endpoint would lead to them too. All of them are stopped before the first one joins anew.
   */
  #silenceFormer(moves: readonly Move[]): void {
    const { journal } = this.#sights;
    for (const move of moves) {
      if (move.kind !== 'join' || !isOfFormerEtcd(move.seat, journal)) continue;
      this.#silenced.push(
        this.#draft.add({
          kind: 'reset-machine',
          machine: move.seat.machine.name,
          title: 'stop what is left of its former life',
          reason: 'it has the data of an etcd that it is no member of any more; the data is kept beside',
          inputs: { etcdData: 'keep', restoreHost: false },
        }),
      );
    }
  }

  #init({ machine }: Seat, reason: string, ready: readonly string[]): string {
    return this.#draft.add({
      kind: 'init-control-plane',
      machine: machine.name,
      title: 'make the control plane',
      reason,
      needs: ready,
      exclusive: 'etcd',
    });
  }

  /** The API server answers, and kubeadm may still not have come to its end. */
  #goOnMaking(): Seat | undefined {
    const seat = this.#stage.kind === 'up' ? this.#stage.unfinished : undefined;
    if (!seat?.facts) return undefined;
    this.#made = this.#init(seat, 'it was begun and not seen to end', this.#prepare(seat));
    return seat;
  }

  #settle(seat: Seat, joined: string): void {
    this.#settled.push(settleNewNode(this.#draft, seat, { joined, network: this.#network }));
  }

  #joinPlane(seat: Seat, ready: readonly string[], before: string | undefined): string {
    const joined = joinControlPlane(this.#draft, seat, {
      ready,
      made: this.#made,
      before,
      isEtcdExternal: this.#isEtcdExternal,
    });
    this.#settle(seat, joined);
    return joined;
  }

  /**
   * Those that didn't join in this plan: `kubeadm join` fences its etcd itself. After the last change of the membership, for
   * whoever restarts an etcd counts on the others.
   */
  #fence(seats: readonly Seat[], after: string | undefined): void {
    const { spec, journal } = this.#sights;
    const planes = this.#seats.filter(isPlane);
    const live = this.#stage.kind === 'up' ? this.#stage.cluster.configuration : {};
    // One that can't be reached now would never be told.
    if (spec.etcd.kind === 'external' || planes.length < 2 || !live || planes.some(({ facts }) => !facts))
      return;
    const names = seats.map(({ machine }) => machine.name);
    const fenced = fenceEtcd(this.#draft, names, { live, journal, after });
    if (fenced !== undefined) this.#settled.push(fenced);
  }

  #joinWorker(seat: Seat, ready: readonly string[]): void {
    this.#settle(seat, joinWorker(this.#draft, seat, { ready, made: this.#made }));
  }

  #applyNetwork(): void {
    const { spec, journal } = this.#sights;
    if (spec.cni.kind === 'none') return;
    const inputs = { cni: hashOf([spec.cni, spec.network.pods] as unknown as Json) };
    const last = lastWordOn(journal, 'cluster/apply-cni');
    const isAsWished = last?.event === 'done' && last.inputs === hashOf(inputs);
    const isThere = this.#stage.kind === 'up' && this.#stage.cluster.hasCni;
    // What a manifest of somebody's holds can't be looked for, so there the journal alone can tell.
    const wasApplied =
      spec.cni.kind === 'manifest' ? isAsWished : isThere && (last === undefined || isAsWished);
    if (this.#made === undefined && wasApplied) return;
    this.#network = this.#draft.add({
      kind: 'apply-cni',
      title: 'apply the pod network',
      reason: isThere ? 'it is not seen to be as the spec has it' : 'pods have no network yet',
      needs: [this.#made],
      inputs,
    });
  }

  /** Nodes that are there: what drifted on them. Control planes one after the other, workers as many as may be away. */
  #keep(unfinished: Seat | undefined): void {
    const { spec, journal } = this.#sights;
    const whole = this.#seats.filter((seat) => seat.lack === undefined && seat.facts && seat !== unfinished);
    const workers = whole.filter((seat) => !isPlane(seat));
    let before: readonly string[] = [];
    for (const batch of [
      ...whole.filter(isPlane).map((seat) => [seat]),
      ...batchesOf(workers, spec.rollout.maxUnavailable),
    ]) {
      const renewed = batch.flatMap((seat) => renewPreparation(this.#draft, seat, this.#preparation, before));
      if (renewed.length > 0) before = renewed;
      this.#settled.push(...renewed);
      for (const seat of batch) keepNode(this.#draft, seat, journal);
    }
    const planes = this.#seats.filter(isPlane);
    // The step of the last machine makes the change known to all that come later, so none may be missing.
    if (this.#stage.kind === 'up' && planes.every((seat) => whole.includes(seat))) {
      const names = planes.map(({ machine }) => machine.name);
      changeConfiguration(this.#draft, spec, this.#stage.cluster.configuration, names);
    }
  }

  /** Gives the id of the step after which the next change of the membership may come. */
  #move(move: Move, before: string | undefined): string | undefined {
    switch (move.kind) {
      case 'drop':
        return dropMember(this.#draft, move.member, {
          reason: move.why,
          suffix: move.member.name || move.member.id,
          after: before === undefined ? [] : [before],
        });
      case 'join':
        return this.#joinPlane(move.seat, this.#prepare(move.seat), before);
      case 'leave':
        return (
          this.#remove(move.seat, [...(before === undefined ? [] : [before]), ...this.#settled]) ?? before
        );
    }
  }

  /** Gives the id of the step after which it counts in etcd no more. */
  #remove(seat: Seat, after: readonly string[]): string | undefined {
    const { left, gone } = removeMachine(this.#draft, seat, {
      isEtcdExternal: this.#isEtcdExternal,
      after,
    });
    this.#gone.set(seat, gone);
    return left;
  }

  #removeWorkers(leavers: readonly Seat[]): void {
    let before: readonly string[] = [...this.#settled];
    for (const batch of batchesOf(leavers, this.#sights.spec.rollout.maxUnavailable)) {
      for (const seat of batch) this.#remove(seat, before);
      before = [...before, ...batch.flatMap((seat) => this.#gone.get(seat) ?? [])];
    }
  }

  /** What belongs to the cluster as a whole. */
  #finish(): readonly Step[] {
    const { spec, journal } = this.#sights;
    const draft = this.#draft;
    const all = draft.steps.map(({ id }) => id);
    const needs: string[] = [];
    const addresses = addressesOf(spec);
    const kept = lastWordOn(journal, 'cluster/store-kubeconfig');
    const leadsElsewhere =
      spec.endpoint.mode === 'LocalProxy' && kept !== undefined && kept.inputs !== hashOf(addresses as Json);
    if (
      this.#made !== undefined ||
      leadsElsewhere ||
      isUnfinished(journal, 'cluster/store-kubeconfig') ||
      wasJustMade(journal)
    ) {
      needs.push(
        draft.add({
          kind: 'store-kubeconfig',
          title: 'keep the kubeconfig',
          reason: leadsElsewhere ? 'it may lead to a machine that goes' : 'it is needed from now on',
          needs: leadsElsewhere ? all : [this.#made],
          inputs: addresses,
        }),
      );
    }
    if (all.length > 0) {
      needs.push(
        draft.add({
          kind: 'verify-cluster',
          title: 'see that the cluster is one',
          reason: 'something was changed',
          needs: all,
        }),
      );
    }
    registerMember(draft, spec, journal, needs);
    return draft.steps;
  }
}

/** By a run that was cut off before it kept the kubeconfig. */
function wasJustMade(journal: readonly JournalRecord[]): boolean {
  return (
    journal.some(({ step, event }) => step.endsWith('/init-control-plane') && event === 'done') &&
    lastWordOn(journal, 'cluster/store-kubeconfig') === undefined
  );
}

function batchesOf<T>(all: readonly T[], atOnce: number): readonly (readonly T[])[] {
  const size = Math.max(1, atOnce);
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}
