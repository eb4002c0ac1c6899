import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import { renderJoinConfig } from '../plan/render/kubeadm-config.ts';
import type { Step } from '../plan/steps.ts';
import type { RemoteResult } from '../transport/transport.ts';
import { deleteNodeObject, uidOf } from './delete-node.ts';
import { createTicket, deleteToken, idOf } from './join-token.ts';
import { cleanLibrary, joinConfigPath, writePatches } from './kubeadm-node.ts';
import { getObject } from './kubectl.ts';
import { criSocketOf, nodeInputOf } from './node-input.ts';
import { pkiLibrary } from './pki-files.ts';
import { hasBegun, lastWords, runToEnd } from './run-to-end.ts';
import { tellPhase } from './tell-phase.ts';

/**
 * Lets `kubeadm join` run on a machine. *Flow*: if an engine before us has started it already, it is only followed; else what
 * an earlier attempt left is cleared away by the script itself, then kubeadm runs. `prepare` is what else must be done before.
 */
export async function runJoin(
  context: StepContext,
  step: Step,
  machine: Machine,
  { prepare, evidence }: { readonly prepare: () => Promise<void>; readonly evidence: Record<string, string> },
): Promise<void> {
  const work = {
    what: 'kubeadm-join',
    script: joinScript,
    args: [joinConfigPath, criSocketOf(machine)],
    deadlineMs: 15 * 60_000,
  };
  const post = await context.healthyControlPlane([machine.spec.name]);
  let tokenId = earlierTokenId(context, step);
  if (!(await hasBegun(context, step, machine, work))) {
    await prepare();
    const input = nodeInputOf(context, step, machine);
    await writePatches(context, machine, input);
    const ticket = await createTicket(context, post);
    tokenId = idOf(ticket);
    await context.intent({ machine: machine.spec.name, node: machine.spec.nodeName, tokenId, ...evidence });
    await dropFormerNode(context, machine, post);
    await machine.transport.writeFile(
      { path: joinConfigPath, content: renderJoinConfig(input, ticket), mode: 0o600 },
      context.signal,
    );
  }
  try {
    context.update('kubeadm join');
    const result = await runToEnd(context, step, machine, {
      ...work,
      onLine: tellPhase(context, 'kubeadm join'),
    });
    if (result.code !== 0) throw joinFailed(machine, result);
  } finally {
    if (tokenId !== undefined) await deleteToken(context, post, tokenId);
  }
}

/**
 * A Node of its former life that still counts as Ready, as for a minute after a restore, is one that kubeadm won't join
 * over. What is left of that life goes anyway; the kubelet is stopped first, or it would make its Node again.
 */
async function dropFormerNode({ signal }: StepContext, machine: Machine, post: Machine): Promise<void> {
  const name = machine.spec.nodeName;
  const node = await getObject(post, ['node', name], { signal });
  if (node === undefined) return;
  await machine.transport.exec({
    script: 'systemctl stop kubelet.service 2>/dev/null || :',
    root: true,
    signal,
  });
  await deleteNodeObject(post, { name, uid: uidOf(node) }, signal);
}

/** Of the attempt that an engine before us began. */
function earlierTokenId({ journal }: StepContext, step: Step): string | undefined {
  return journal.findLast((record) => record.step === step.id && record.event === 'intent')?.evidence.tokenId;
}

function joinFailed({ spec }: Machine, result: RemoteResult): HansaError {
  const said = `${result.stdout}\n${result.stderr}`;
  if (
    /public keys? .*(not pinned|does not match)|pinned.*public key|cluster CA found .* is invalid/i.test(said)
  ) {
    return new HansaError(
      `${spec.name} met another cluster than its own when it joined: the CA is not the one that was pinned. Somebody stands between the machines, or an address belongs to another cluster; find out which before you try again`,
      { reason: 'CaMismatch', retry: 'never' },
    );
  }
  // An expired one is removed by Kubernetes, so this is all that is ever said of it.
  if (/JWS signature in the cluster-info|token id .* is invalid/i.test(said)) {
    return new HansaError(
      `${spec.name} was not let in with the token that was made for this join: it had ended, or somebody removed it. The next attempt gets a new one`,
      { reason: 'TokenRefused' },
    );
  }
  return new HansaError(
    `kubeadm join failed on ${spec.name}: ${lastWords(result)}; what it left is cleared away before the next attempt, see also "journalctl -u kubelet" there`,
    { reason: 'JoinFailed' },
  );
}

// The token is of no use any more once kubeadm is done, whatever came of it.
const joinScript = `${pkiLibrary}${cleanLibrary}
PATH=/usr/local/bin:$PATH
trap 'rm -f -- "$1"' EXIT
if has_leftovers; then clean_node "$2" keep; fi
install_pki
kubeadm join --config "$1"
drop_staged_pki
`;
