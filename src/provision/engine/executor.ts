import type { Readable } from 'node:stream';
import type { Clock, Logger, Rng } from '../../base/index.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { ClusterSight, MachineFacts } from '../plan/facts.ts';
import type { JournalRecord } from '../plan/journal.ts';
import type { Step, StepKind } from '../plan/steps.ts';
import type { LongCommand, LongResult, Transport } from '../transport/transport.ts';

/** A machine as an executor meets it. */
export interface Machine {
  readonly spec: MachineSpec;
  readonly transport: Transport;
  /** As they were when the plan was made. */
  readonly facts: MachineFacts;
  /** Address other machines reach it by. */
  readonly internalAddress: string;
  /** Runs under systemd there; survives the loss of the connection. */
  runLong(command: LongCommand): Promise<LongResult>;
}

/** Sealed where the cluster is kept: in the state file, or in Secrets on the host. Values are text; PEM and kubeconfigs as they are. */
export interface SecretStore {
  get(name: string): Promise<Readonly<Record<string, string>> | undefined>;
  put(name: string, values: Readonly<Record<string, string>>): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Where binaries, images, units and manifests come from: a bundle that was verified, or a directory laid out like one. */
export interface BundleSource {
  readonly version: string;
  /** Items of a role for an architecture. */
  items(wanted: {
    readonly arch: string;
    readonly role: 'control-plane' | 'worker';
    /** Of Kubernetes, for bundles that hold an upgrade path; default: `version`. */
    readonly version?: string;
  }): readonly BundleItem[];
  /** The bytes that have this hash: an item other than an image, or a blob of an image. */
  open(blob: Pick<BundleBlob, 'sha256'>): Readable;
  /** Text of a manifest or unit in it. */
  text(name: string): Promise<string>;
}

export interface BundleItem {
  readonly kind: 'binary' | 'image' | 'unit' | 'manifest' | 'package' | 'archive';
  /** `kubelet`, `registry.k8s.io/pause:3.10.1`, `flannel.yaml`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Hex. Of an image: its manifest's digest. */
  readonly sha256: string;
  readonly mode: number;
  /** What an image consists of: manifest, configuration, layers. Images may share some. */
  readonly blobs?: readonly BundleBlob[];
  /** Of an image's manifest. */
  readonly mediaType?: string;
}

/** Bytes known by their hash. */
export interface BundleBlob {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface StepContext {
  readonly cluster: ClusterSpec;
  readonly sight: ClusterSight;
  readonly journal: readonly JournalRecord[];
  /** @throws HansaError MachineUnreachable */
  machine(name: string): Machine;
  /** A control plane that is well, for commands to the cluster; never one of `not`. @throws HansaError NoControlPlane */
  healthyControlPlane(not?: readonly string[]): Promise<Machine>;
  readonly secrets: SecretStore;
  readonly bundle: BundleSource;
  /** Stores what is about to be done; must resolve before the mutation. */
  intent(evidence: Readonly<Record<string, string>>): Promise<void>;
  /** Evidence that goes into the journal with the end of the step. */
  note(evidence: Readonly<Record<string, string>>): void;
  /** What the step is doing now. */
  update(detail: string): void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export type Observation =
  | { readonly kind: 'done' }
  | { readonly kind: 'todo'; readonly why: string }
  /** A person must decide; message says what, with the exact command. */
  | { readonly kind: 'blocked'; readonly reason: string; readonly message: string };

/** How one kind of step is looked at, done and checked. Every part can be run again. */
export interface Executor {
  /** Reads only. Also run after a crash: decides from what is there, and from the journal only what can't be seen. */
  observe(context: StepContext, step: Step): Promise<Observation>;
  apply(context: StepContext, step: Step): Promise<void>;
  /** Throws HansaError if what should be there isn't. */
  verify(context: StepContext, step: Step): Promise<void>;
  /** Puts back what a failed `apply` changed, where that is safe. */
  undo?(context: StepContext, step: Step): Promise<void>;
}

export type Executors = Readonly<Record<StepKind, Executor>>;

/** Where a cluster's journal, lock and status are kept. */
export interface ClusterStore {
  readonly secrets: SecretStore;
  journal(): Promise<readonly JournalRecord[]>;
  /** Durable before it resolves. @throws HansaError if it could not be stored: the step must not start. */
  append(record: JournalRecord): Promise<void>;
  /** @throws HansaError Locked, with the owner and its age */
  lock(owner: string, signal: AbortSignal): Promise<AsyncDisposable & { readonly lost: AbortSignal }>;
}
