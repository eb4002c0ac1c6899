import type { CertificateVerdict } from '../../provision/index.ts';
import type { OpenStep } from './open-steps.ts';

/** What a status tells that something may follow from. */
export interface StatusSight {
  readonly name: string;
  /** `hidden`: none of the machines that could be reached knows of it; `gone`: it was there, and none has it any more. */
  readonly cluster: 'absent' | 'gone' | 'hidden' | 'down' | 'up';
  /** undefined: nobody could ask etcd. */
  readonly hasQuorum: boolean | undefined;
  /** What answers is another cluster. */
  readonly isReplaced: boolean;
  /** etcd takes no writes any more. */
  readonly fullEtcd: Next | undefined;
  readonly certificates: CertificateVerdict['reason'] | undefined;
  readonly hasOpenRestore: boolean;
  readonly openSteps: readonly OpenStep[];
  /** Machines that can't be reached. */
  readonly unreachable: readonly string[];
  /** Those of them that have no Node: they never joined. */
  readonly unjoined: readonly string[];
  /** Machines whose Node is missing though they can be reached. */
  readonly nodeless: readonly string[];
  /** Machines that don't reach the endpoint that others keep. */
  readonly closedTo: readonly string[];
  /** Machines whose member of etcd does not answer though they can be reached. */
  readonly unwellEtcd: readonly string[];
  /** Nodes that are not Ready though their machine can be reached. */
  readonly notReady: readonly string[];
  readonly leaving: readonly string[];
  readonly strays: readonly { readonly isNeverVoted: boolean }[];
  readonly cordoned: readonly string[];
  readonly otherVersions: readonly string[];
  readonly backup:
    | { readonly kind: 'no-target' | 'recent' | 'unreadable' }
    | { readonly kind: 'none' | 'overdue' };
}

export interface Next {
  /** What is wrong. */
  readonly why: string;
  readonly command: string;
}

/** What to do first about what is wrong; undefined: nothing. */
export function nextStep(sight: StatusSight): Next | undefined {
  const { name, cluster } = sight;
  if (sight.hasOpenRestore && cluster !== 'up') {
    return {
      why: 'a restore of etcd was begun and not ended',
      command: `hansa cluster restore ${name}, with the source it was begun with`,
    };
  }
  switch (cluster) {
    case 'absent':
      return { why: 'the cluster does not exist yet', command: `hansa cluster apply ${name}` };
    case 'gone':
      return {
        why: 'nothing of the cluster is left on its control planes',
        command: `hansa cluster delete ${name}, then make it anew and restore a backup`,
      };
    case 'hidden':
      return {
        why: "control planes can't be reached",
        command: `power on ${sight.unreachable.join(', ')}, then hansa cluster status ${name}`,
      };
    case 'down':
      return nextWhenDown(sight);
    case 'up':
      return nextWhenUp(sight);
  }
}

function nextWhenDown(sight: StatusSight): Next {
  const { name, certificates, hasQuorum, unreachable, openSteps } = sight;
  if (sight.isReplaced) {
    return {
      why: 'what answers is another cluster than the one that was made',
      command: `hansa cluster restore ${name} --from latest`,
    };
  }
  if (certificates === 'Expired') {
    return { why: 'certificates have expired', command: `hansa certs renew ${name}` };
  }
  if (certificates === 'ReplacementDue') return replacementOf(name);
  if (unreachable.length > 0) {
    const machines = unreachable.join(', ');
    return {
      why: hasQuorum === false ? 'etcd has lost its quorum' : 'no API server answers',
      command: `power on ${machines}; if lost for good, hansa cluster recover ${name} ${unreachable
        .map((machine) => `--without ${machine}`)
        .join(' ')}`,
    };
  }
  if (openSteps.length > 0) return { why: 'the last operation came to no end', command: againAfter(sight) };
  return {
    why: 'all machines can be reached, and no API server answers',
    command:
      hasQuorum === true
        ? 'etcd is well: look at the API servers with "crictl ps -a" and "crictl logs" on the control planes'
        : `look at etcd and API servers with "crictl ps -a", and at /etc/kubernetes/manifests, on the control planes; if etcd is lost, hansa cluster restore ${name}`,
  };
}

function replacementOf(name: string): Next {
  return {
    why: 'what others sign for the external etcd is to be replaced',
    command: `put the new certificate into its Secret, apply the file with hansa cluster apply -f FILE, then hansa certs renew ${name}`,
  };
}

function nextWhenUp(sight: StatusSight): Next | undefined {
  const { name } = sight;
  const apply = `hansa cluster apply ${name}`;
  const { certificates, openSteps, leaving, nodeless, strays, notReady, cordoned, unreachable } = sight;
  if (certificates === 'Expired' || certificates === 'RenewalDue') {
    return { why: 'certificates are to be renewed', command: `hansa certs renew ${name}` };
  }
  if (certificates === 'ReplacementDue') return replacementOf(name);
  if (sight.fullEtcd) return sight.fullEtcd;
  if (openSteps.length > 0) return { why: 'the last operation came to no end', command: againAfter(sight) };
  if (leaving.length > 0) {
    return { why: `${leaving.join(', ')} ${leaving.length === 1 ? 'is' : 'are'} to leave`, command: apply };
  }
  if (nodeless.length > 0) {
    return {
      why: `${nodeless.join(', ')} ${nodeless.length === 1 ? 'has' : 'have'} not joined`,
      command: apply,
    };
  }
  if (strays.length > 0) {
    return { why: 'etcd has members that no machine accounts for', command: `hansa cluster plan ${name}` };
  }
  if (unreachable.length > 0) {
    const [first = ''] = unreachable;
    return {
      why: `${unreachable.join(', ')} can't be reached`,
      command: sight.unjoined.includes(first)
        ? `bring it up, then ${apply}`
        : `bring it back; or hansa cluster replace ${name} ${first} --forget-unreachable ${first}`,
    };
  }
  if (sight.closedTo.length > 0) {
    return {
      why: `${sight.closedTo.join(', ')} can't connect to the endpoint`,
      command: `start the load balancer, see that it leads to the control planes and that its name is known; then hansa cluster status ${name}`,
    };
  }
  const [unwell] = sight.unwellEtcd;
  if (unwell !== undefined) {
    return {
      why: `etcd on ${sight.unwellEtcd.join(', ')} does not answer`,
      command: `${apply}, which joins it anew if its data is gone; else look at its log there with "crictl logs", or hansa cluster replace ${name} ${unwell}`,
    };
  }
  if (notReady.length > 0) {
    return {
      why: `${notReady.join(', ')} ${notReady.length === 1 ? 'is' : 'are'} not Ready`,
      command: `look at it with "journalctl -u kubelet"; or hansa cluster replace ${name} ${notReady[0]}`,
    };
  }
  if (cordoned.length > 0) {
    return {
      why: `${cordoned.join(', ')} ${cordoned.length === 1 ? 'takes' : 'take'} no pods`,
      command: `kubectl uncordon ${cordoned[0]}, unless somebody meant it`,
    };
  }
  if (sight.otherVersions.length > 0) {
    return { why: `${sight.otherVersions.join(', ')} runs another version`, command: apply };
  }
  switch (sight.backup.kind) {
    case 'none':
    case 'overdue':
      return {
        why: sight.backup.kind === 'none' ? 'there is no backup yet' : 'a backup is overdue',
        command: `hansa cluster backup ${name}`,
      };
    case 'no-target':
    case 'recent':
    case 'unreadable':
      return undefined;
  }
}

/** Operations are named after their goal. */
function againAfter({ name, openSteps }: StatusSight): string {
  const operation = openSteps[0]?.operation ?? '';
  if (operation.startsWith('renew-certificates-')) return `hansa certs renew ${name}`;
  if (operation.startsWith('back-up-')) return `hansa cluster backup ${name}`;
  if (operation.startsWith('restore-')) return `hansa cluster restore ${name}`;
  if (operation.startsWith('delete-')) return `hansa cluster delete ${name}`;
  return `hansa cluster apply ${name}`;
}
