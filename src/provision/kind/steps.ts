import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HansaError } from '../../base/index.ts';
import type { Executor, StepContext } from '../engine/executor.ts';
import { untilNoComplaint } from '../steps/until.ts';
import { failed, kubectlInNode } from './kubectl-in-node.ts';
import { findNodes, lookAtKindCluster } from './look.ts';
import type { KindSettings } from './plan/kind-settings.ts';
import { type KindNode, ownershipOf } from './plan/ownership.ts';
import { fixedFields, renderKindConfig } from './plan/render-config.ts';
import type { KindTools } from './tools.ts';

export interface KindMeans {
  readonly settings: KindSettings;
  readonly tools: KindTools;
}

const createTimeoutMs = 15 * 60_000;
const pullTimeoutMs = 15 * 60_000;
const readyTimeoutMs = 5 * 60_000;

export function createCluster({ settings, tools }: KindMeans): Executor {
  return {
    async observe(context) {
      const nodes = await nodesOf(context, tools);
      const ownership = ownershipOf(nodes, context.journal);
      switch (ownership.kind) {
        case 'absent':
        case 'gone':
          return { kind: 'todo', why: 'it has no containers' };
        case 'half-made':
          return { kind: 'todo', why: 'an earlier try left some of its containers' };
        case 'ours':
          return { kind: 'done' };
        case 'foreign':
          return {
            kind: 'blocked',
            reason: 'KindClusterOfOthers',
            message: `somebody else has made a kind cluster ${context.cluster.name} meanwhile: give this one another name`,
          };
      }
    },

    async apply(context) {
      const { cluster, signal } = context;
      const left = await nodesOf(context, tools);
      if (left.length > 0) await removeCluster(context, tools);
      await ensureImage(context, settings.nodeImage, tools);
      await context.intent({ image: settings.nodeImage });
      // Nobody's own kubeconfig is touched: the cluster's is kept among its secrets.
      const dir = await mkdtemp(join(tmpdir(), 'hansa-kind-'));
      try {
        // --retain: on a failure kind would delete whatever has the name by then, a later try of ours among it.
        const args = ['create', 'cluster', '--config=-', '--retain', `--name=${cluster.name}`];
        const end = await tools.kind([...args, `--kubeconfig=${join(dir, 'kubeconfig')}`], {
          input: renderKindConfig(cluster, settings),
          timeoutMs: createTimeoutMs,
          signal,
          onLine: (line) => tellLine(context, line),
        });
        if (end.code !== 0) throw failed('kind create cluster', end, 'KindCreateFailed');
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },

    async verify(context) {
      const nodes = await nodesOf(context, tools);
      const wanted = settings.controlPlanes + settings.workers;
      const own = nodes.filter(({ role }) => role !== 'external-load-balancer');
      if (own.length !== wanted) {
        throw new HansaError(
          `kind made ${own.length} nodes of cluster ${context.cluster.name}, and ${wanted} were asked for`,
          { reason: 'KindCreateFailed' },
        );
      }
      const version = await versionIn(own, tools, context);
      if (version !== context.cluster.version) {
        throw new HansaError(
          `the node image ${settings.nodeImage} has Kubernetes ${version}, and spec.version is ${context.cluster.version}: set spec.version, or spec.provider.kind.nodeImage`,
          { reason: 'VersionDiffers', retry: 'never' },
        );
      }
      context.note({
        nodes: nodes.map(({ id }) => id).join(' '),
        ...fixedFields(context.cluster, settings),
      });
    },

    // Neither half a cluster nor one of a wrong version may stay.
    async undo(context) {
      if ((await nodesOf(context, tools)).length > 0) await removeCluster(context, tools);
    },
  };
}

export function deleteCluster({ tools }: KindMeans): Executor {
  return {
    async observe(context) {
      const nodes = await nodesOf(context, tools);
      const { kind } = ownershipOf(nodes, context.journal);
      return kind === 'ours' || kind === 'half-made'
        ? { kind: 'todo', why: 'its containers are there' }
        : { kind: 'done' };
    },
    async apply(context) {
      await context.intent({ nodes: (await nodesOf(context, tools)).map(({ id }) => id).join(' ') });
      await removeCluster(context, tools);
    },
    async verify(context) {
      const left = await nodesOf(context, tools);
      if (left.length === 0) return;
      throw new HansaError(`kind has left ${left.map(({ name }) => name).join(', ')} behind`, {
        reason: 'KindDeleteFailed',
      });
    },
  };
}

export function applyManifest({ tools }: KindMeans): Executor {
  const flags = ['--server-side', '--force-conflicts', '--field-manager=hansa', '--filename=-'];
  return {
    observe: async () => ({ kind: 'todo', why: 'the manifest was not applied yet' }),
    async apply(context) {
      const { cni } = context.cluster;
      if (cni.kind !== 'manifest') return;
      const post = await postOf(context, tools);
      const end = await kubectlInNode(post, ['apply', ...flags], tools, {
        input: cni.manifest,
        signal: context.signal,
      });
      if (end.code !== 0) throw failed('kubectl apply of spec.cni.manifest', end, 'NetworkNotApplied');
    },
    // Whether pods have a network shows when the nodes get ready: the next step waits for that.
    verify: async () => {},
  };
}

/** Starts what was stopped, and waits until every node is ready. */
export function settleCluster({ settings, tools }: KindMeans): Executor {
  const complaint = async (context: StepContext): Promise<string | undefined> => {
    const nodes = await nodesOf(context, tools);
    const stopped = nodes.filter(({ isRunning }) => !isRunning);
    if (stopped.length > 0) return `${stopped.map(({ name }) => name).join(', ')} stopped`;
    const sight = await lookAtKindCluster(context.cluster, nodes, tools, context.signal);
    if (sight.kind !== 'up') return sight.kind === 'down' ? sight.message : 'it has no containers';
    if (settings.cni === 'none') return undefined;
    const late = sight.nodes.filter(({ isReady }) => !isReady).map(({ name }) => name);
    const wanted = settings.controlPlanes + settings.workers;
    if (sight.nodes.length < wanted) return `${sight.nodes.length} of ${wanted} nodes have joined`;
    if (late.length > 0) return `${late.join(', ')} not ready yet`;
    return sight.dnsReady ? undefined : 'CoreDNS is not ready yet';
  };
  return {
    async observe(context) {
      const why = await complaint(context);
      return why === undefined ? { kind: 'done' } : { kind: 'todo', why };
    },
    async apply(context) {
      const stopped = (await nodesOf(context, tools)).filter(({ isRunning }) => !isRunning);
      if (stopped.length === 0) return;
      const end = await tools.docker(['start', ...stopped.map(({ id }) => id)], { signal: context.signal });
      if (end.code !== 0) throw failed('docker start', end);
    },
    async verify(context) {
      const last = await untilNoComplaint(context, { timeoutMs: readyTimeoutMs }, async () => {
        const why = await complaint(context);
        if (why !== undefined) context.update(why);
        return why;
      });
      if (last === undefined) return;
      throw new HansaError(`cluster ${context.cluster.name} does not get ready: ${last}`, {
        reason: 'NodesNotReady',
      });
    },
  };
}

/** The same Secret as that of every other cluster: `<name>-kubeconfig` with `value`. */
export function keepKubeconfig({ tools }: KindMeans): Executor {
  return {
    async observe(context) {
      const stored = await context.secrets.get(kubeconfigName(context.cluster.name));
      return stored?.['value'] === (await freshKubeconfig(context, tools))
        ? { kind: 'done' }
        : { kind: 'todo', why: stored ? 'the kubeconfig that is kept is another one' : 'it is not kept yet' };
    },
    async apply(context) {
      const value = await freshKubeconfig(context, tools);
      await context.secrets.put(kubeconfigName(context.cluster.name), { value });
    },
    async verify(context) {
      if ((await context.secrets.get(kubeconfigName(context.cluster.name)))?.['value']) return;
      throw new HansaError(`the kubeconfig of ${context.cluster.name} was not kept by the store`, {
        reason: 'KubeconfigNotStored',
      });
    },
  };
}

export function kubeconfigName(cluster: string): string {
  return `${cluster}-kubeconfig`;
}

async function freshKubeconfig({ cluster, signal }: StepContext, tools: KindTools): Promise<string> {
  const end = await tools.kind(['get', 'kubeconfig', `--name=${cluster.name}`], { signal });
  if (end.code !== 0) throw failed('kind get kubeconfig', end);
  return end.stdout;
}

async function removeCluster({ cluster, signal }: StepContext, tools: KindTools): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'hansa-kind-'));
  try {
    const args = ['delete', 'cluster', `--name=${cluster.name}`, `--kubeconfig=${join(dir, 'kubeconfig')}`];
    const end = await tools.kind(args, { signal });
    if (end.code !== 0) throw failed('kind delete cluster', end, 'KindDeleteFailed');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function ensureImage(context: StepContext, image: string, tools: KindTools): Promise<void> {
  const { signal } = context;
  if ((await tools.docker(['image', 'inspect', '--format={{.Id}}', image], { signal })).code === 0) return;
  context.update(`pull ${image}`);
  const end = await tools.docker(['pull', '--quiet', image], { signal, timeoutMs: pullTimeoutMs });
  if (end.code === 0) return;
  const said = end.stderr.trim().split('\n').at(-1) ?? '';
  throw new HansaError(
    `the node image ${image} is not in Docker and can't be pulled (${said}): bring it with "docker load", make it with "kind build node-image", or name one that is there in spec.provider.kind.nodeImage`,
    { reason: 'NodeImageMissing', retry: 'never' },
  );
}

async function versionIn(
  nodes: readonly KindNode[],
  tools: KindTools,
  { signal }: StepContext,
): Promise<string> {
  const [post] = nodes;
  if (!post) return '';
  const end = await tools.docker(['exec', post.id, 'cat', '/kind/version'], { signal });
  if (end.code !== 0) throw failed('reading the version of the node image', end);
  return end.stdout.trim().replace(/^v/, '');
}

function nodesOf(
  { cluster, signal }: Pick<StepContext, 'cluster' | 'signal'>,
  tools: KindTools,
): Promise<readonly KindNode[]> {
  return findNodes(cluster.name, tools, signal);
}

async function postOf(context: StepContext, tools: KindTools): Promise<KindNode> {
  const nodes = await nodesOf(context, tools);
  const post = nodes.find(({ role, isRunning }) => role === 'control-plane' && isRunning);
  if (post) return post;
  throw new HansaError(`no control plane of cluster ${context.cluster.name} runs`, {
    reason: 'NoControlPlane',
  });
}

/** ` • Preparing nodes 📦  ...` is what it does, ` ✓ …` what it has done. */
function tellLine(context: StepContext, line: string): void {
  const doing = /^\s*•\s+([\x20-\x7e]+)/.exec(line)?.[1]?.replace(/[\s.]+$/, '');
  if (doing) context.update(doing);
}
